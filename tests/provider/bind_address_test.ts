import assert from "node:assert/strict";
import { withBindAddress } from "../../lib/provider/bind_address.ts";
import { MEMORY_CONFIG } from "../support/provider_machine.ts";

const { signal } = new AbortController();

/** What `--bind` becomes where every name leads to these addresses. */
async function bound(
  bind: string,
  addresses: readonly string[],
  { dht = true } = {},
): Promise<string | undefined> {
  const config = {
    ...MEMORY_CONFIG,
    bind,
    dht: { ...MEMORY_CONFIG.dht, enabled: dht },
  };
  const resolve = () => Promise.resolve(addresses);
  return (await withBindAddress(config, { resolve, signal })).bind;
}

Deno.test("withBindAddress() makes an address of a name, of IPv4 where there is one", async () => {
  assert.equal(await bound("localhost", ["::1", "127.0.0.1"]), "127.0.0.1");
  assert.equal(await bound("localhost", ["::1"]), "::1");
});

Deno.test("withBindAddress() leaves an address as it is", async () => {
  for (const address of ["192.0.2.1", "0.0.0.0", "::", "2001:db8::1"]) {
    assert.equal(await bound(address, ["10.0.0.1"]), address);
  }
});

Deno.test("withBindAddress() refuses a name that leads nowhere", async () => {
  await assert.rejects(bound("nowhere", []), {
    name: "UserError",
    message:
      'Cannot use --bind "nowhere": that name does not resolve; name an address of this machine',
  });
});

Deno.test("withBindAddress() takes an address with a zone where there is no DHT", async () => {
  const address = "fe80::1%eth0";
  assert.equal(await bound(address, [], { dht: false }), address);
  await assert.rejects(bound(address, []), /--no-dht/);
});
