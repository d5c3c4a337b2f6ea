import assert from "node:assert/strict";
import {
  betterFirst,
  type Provider,
  whyNot,
} from "../../lib/discover/provider.ts";
import { candidate, verified } from "../support/memory_source.ts";

function provider(
  host: string,
  manifest: Parameters<typeof verified>[0],
  { source = "mdns", elapsedMs = 1 }: {
    source?: "mdns" | "dht";
    elapsedMs?: number;
  } = {},
): Provider {
  return {
    candidate: candidate(host, { source }),
    ...verified(manifest),
    elapsedMs,
  };
}

Deno.test("betterFirst() and whyNot() agree on what comes first, and why", () => {
  const best = provider("a", { verifiedBy: ["k"], manifestVersion: 3 });
  const others: readonly (readonly [Provider, RegExp])[] = [
    [
      provider("quick", { verifiedBy: ["k"], manifestVersion: 3 }, {
        elapsedMs: 42,
      }),
      /^as good, but 41 ms later$/,
    ],
    [
      provider("far", { verifiedBy: ["k"], manifestVersion: 3 }, {
        source: "dht",
        elapsedMs: 0,
      }),
      /found in the DHT/,
    ],
    [
      provider("old", { verifiedBy: ["k"], manifestVersion: 2 }),
      /^manifest_version 2 is older than 3$/,
    ],
    [provider("unsigned", { manifestVersion: 9 }), /^no trusted key/],
  ];
  const sorted = [...others.map(([other]) => other), best]
    .sort(betterFirst);
  assert.deepEqual(sorted, [best, ...others.map(([other]) => other)]);
  for (const [other, why] of others) assert.match(whyNot(best, other), why);
  assert.match(whyNot(best, best), /^as good/);
});
