import assert from "node:assert/strict";
import { expandDnsaddr } from "../../../lib/net/dht/dnsaddr.ts";

const { signal } = new AbortController();
const A = "12D3KooWMZURyhjSEkim84M4tWPZTiHyfQwuQtgyGPxg6nuxBn9Q";
const B = "12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV";

function zone(
  texts: Record<string, string[]>,
): (name: string) => Promise<string[]> {
  return (name) =>
    texts[name]
      ? Promise.resolve(texts[name])
      : Promise.reject(new Error(`no record found for ${name}`));
}

async function expand(
  address: string,
  texts: Record<string, string[]>,
): Promise<string[] | string> {
  const result = await expandDnsaddr(address, {
    signal,
    resolveTxt: zone(texts),
  });
  return result.ok ? result.value : result.reason;
}

Deno.test("expandDnsaddr() leaves other addresses as they are", async () => {
  assert.deepEqual(await expand("/dns4/example.org/tcp/4001", {}), [
    "/dns4/example.org/tcp/4001",
  ]);
});

Deno.test("expandDnsaddr() follows names that stand for names", async () => {
  const texts = {
    "_dnsaddr.example.org": [
      `dnsaddr=/dnsaddr/a.example.org/p2p/${A}`,
      `dnsaddr=/ip4/192.0.2.9/tcp/4001/p2p/${B}`,
      "v=spf1 -all",
    ],
    "_dnsaddr.a.example.org": [
      `dnsaddr=/ip4/192.0.2.8/tcp/4001/p2p/${A}`,
      `dnsaddr=/ip4/192.0.2.8/udp/4001/quic-v1/p2p/${A}`, // nobody here dials it
      `dnsaddr=/ip4/192.0.2.66/tcp/4001/p2p/${B}`, // not the peer that is meant
    ],
  };
  assert.deepEqual(await expand("/dnsaddr/example.org", texts), [
    `/ip4/192.0.2.9/tcp/4001/p2p/${B}`,
    `/ip4/192.0.2.8/tcp/4001/p2p/${A}`,
  ]);
});

Deno.test("expandDnsaddr() ends with names that stand for each other", async () => {
  const texts = {
    "_dnsaddr.a.org": ["dnsaddr=/dnsaddr/b.org"],
    "_dnsaddr.b.org": ["dnsaddr=/dnsaddr/a.org"],
  };
  assert.equal(
    await expand("/dnsaddr/a.org", texts),
    "its name has no address that can be dialled",
  );
});

Deno.test("expandDnsaddr() reads a bounded number of addresses", async () => {
  const texts = {
    "_dnsaddr.a.org": Array.from(
      { length: 500 },
      (_, i) => `dnsaddr=/ip4/192.0.2.1/tcp/${i + 1}`,
    ),
  };
  assert.equal((await expand("/dnsaddr/a.org", texts)).length, 64);
});

Deno.test("expandDnsaddr() says that a name does not resolve", async () => {
  assert.equal(
    await expand("/dnsaddr/nowhere.org", {}),
    "its name does not resolve (no record found for _dnsaddr.nowhere.org)",
  );
});

Deno.test("expandDnsaddr() keeps what it found when a part fails", async () => {
  const texts = {
    "_dnsaddr.a.org": [
      "dnsaddr=/ip4/192.0.2.1/tcp/1",
      "dnsaddr=/dnsaddr/nowhere.org",
    ],
  };
  assert.deepEqual(await expand("/dnsaddr/a.org", texts), [
    "/ip4/192.0.2.1/tcp/1",
  ]);
});
