import assert from "node:assert/strict";
import { hostAddresses } from "../../lib/net/host_addresses.ts";

const { signal } = new AbortController();

Deno.test("hostAddresses() knows localhost, and nothing of a name that nobody has", async () => {
  const addresses = await hostAddresses("localhost", { signal });
  assert.ok(addresses.length > 0);
  for (const address of addresses) assert.match(address, /^(127\.|::1$)/);
  assert.deepEqual(await hostAddresses("nobody.invalid", { signal }), []);
});
