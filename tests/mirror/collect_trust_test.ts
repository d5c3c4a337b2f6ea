import assert from "node:assert/strict";

import { ok, refuse } from "../../lib/core/result.ts";
import type { FetchTrust } from "../../lib/manifest/trust_chain.ts";
import { collectTrust } from "../../lib/mirror/collect_trust.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const [a, b, c, stranger] = await Promise.all(
  [41, 42, 43, 44].map((seed) => testSigningKey(seed)),
);
assert.ok(a && b && c && stranger);
const roots = [[a], [b], [c]].map((keys, index) =>
  trustRoot(keys, { trust_version: index + 1 })
);
const [first, second, third] = roots;
assert.ok(first && second && third);
const documents = new Map<number, Uint8Array>([
  [1, await sealTrustRoot(first, [a])],
  [2, await sealTrustRoot(second, [a, b])],
  [3, await sealTrustRoot(third, [b, c])],
]);

const { signal } = new AbortController();

/** A provider of these documents, and which of them it was asked for. */
function provider(
  served: ReadonlyMap<number, Uint8Array>,
): { fetch: FetchTrust; asked: number[] } {
  const asked: number[] = [];
  const fetch: FetchTrust = (number) => {
    asked.push(number);
    return Promise.resolve(ok(served.get(number)));
  };
  return { fetch, asked };
}

Deno.test("collectTrust() takes the whole succession, those before what the mirror was given too", async () => {
  const { fetch, asked } = provider(documents);
  const collected = await collectTrust(third, new Map(), fetch, { signal });
  assert.deepEqual(asked, [3, 2, 1]);
  assert.deepEqual(new Map([...collected].sort()), documents);
});

Deno.test("collectTrust() asks only for what is not handed on yet", async () => {
  const held = new Map([...documents].slice(1));
  const { fetch, asked } = provider(documents);
  const collected = await collectTrust(third, held, fetch, { signal });
  assert.deepEqual(asked, [1]);
  assert.deepEqual([...collected.keys()], [1]);
});

Deno.test("collectTrust() ends where a provider has no further document, as most have no first one", async () => {
  const { fetch } = provider(new Map([...documents].slice(1)));
  const collected = await collectTrust(third, new Map(), fetch, { signal });
  assert.deepEqual([...collected.keys()], [3, 2]);
});

Deno.test("collectTrust() takes nothing that does not lead to what is trusted", async () => {
  const forged = trustRoot([stranger], { trust_version: 3 });
  const rogue = trustRoot([stranger], { trust_version: 2 });
  const cases: [string, number, Uint8Array][] = [
    ["another third", 3, await sealTrustRoot(forged, [stranger])],
    [
      "a third that its own keys did not sign",
      3,
      await sealTrustRoot(third, [b]),
    ],
    ["a second by a stranger", 2, await sealTrustRoot(rogue, [stranger])],
    ["a second under another number", 2, await sealTrustRoot(first, [a])],
    ["no document at all", 2, new TextEncoder().encode("<html>")],
  ];
  for (const [what, number, bytes] of cases) {
    const { fetch } = provider(new Map(documents).set(number, bytes));
    const collected = await collectTrust(third, new Map(), fetch, { signal });
    assert.deepEqual(
      [...collected.keys()],
      number === 3 ? [] : [3],
      what,
    );
  }
});

Deno.test("collectTrust() goes without a provider that does not answer", async () => {
  const fetch: FetchTrust = () =>
    Promise.resolve(refuse({ code: "slow", message: "no answer" }));
  const collected = await collectTrust(third, new Map(), fetch, { signal });
  assert.equal(collected.size, 0);
});
