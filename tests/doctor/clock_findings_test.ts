import assert from "node:assert/strict";
import { RELEASED_AT_MS } from "../../lib/core/version.ts";
import { clockFindings } from "../../lib/doctor/clock_findings.ts";
import { dhtFindings } from "../../lib/doctor/dht_findings.ts";
import {
  FROM_NEIGHBOUR,
  HEALTHY,
  NOW_MS,
} from "../support/doctor_observations.ts";

const HOUR_MS = 3_600_000;

function neighboursAhead(...aheadMs: number[]) {
  return clockFindings({
    ...HEALTHY,
    neighbours: aheadMs.map((aheadMs, i) => ({ url: `http://n${i}`, aheadMs })),
  }).map(({ code, where }) => `${code} ${where.join()}`);
}

Deno.test("clockFindings() tells of a clock that was never set, and of no other then", () => {
  const nowMs = RELEASED_AT_MS - 1;
  const neighbours = [{ url: "http://n0", aheadMs: HOUR_MS }];
  const [finding, ...others] = clockFindings({ ...HEALTHY, nowMs, neighbours });
  assert.equal(finding?.code, "clock_unset");
  assert.deepEqual(others, []);
  assert.deepEqual(clockFindings({ ...HEALTHY, nowMs: RELEASED_AT_MS }), []);
});

Deno.test("clockFindings() believes the one in the middle of several neighbours", () => {
  assert.deepEqual(neighboursAhead(), []);
  assert.deepEqual(neighboursAhead(5 * 60_000), []);
  assert.deepEqual(neighboursAhead(5 * 60_000 + 1), ["clock_off http://n0"]);
  assert.deepEqual(neighboursAhead(-HOUR_MS), ["clock_off http://n0"]);
  assert.deepEqual(neighboursAhead(0, HOUR_MS, 1000), []);
  assert.deepEqual(neighboursAhead(HOUR_MS, 0, HOUR_MS + 1), [
    "clock_off http://n0",
  ]);
});

Deno.test("clockFindings() compares a provider elsewhere with this machine", () => {
  const { provider } = FROM_NEIGHBOUR;
  const away = {
    ...FROM_NEIGHBOUR,
    provider: { ...provider, timeMs: NOW_MS - HOUR_MS },
  };
  const [finding] = clockFindings(away);
  assert.equal(finding?.code, "clock_off");
  assert.match(finding?.cause ?? "", /^the clock there is 60 min behind this/);
  assert.deepEqual(clockFindings(FROM_NEIGHBOUR), []);
});

Deno.test("clockFindings() takes the word of DHT nodes that date what they keep, once", () => {
  const problem =
    "the clock of this machine is 60 minutes ahead of those of other DHT nodes: set it, since clients refuse its records as of the future";
  const dht = {
    ...{ peerId: "12D3Lab", peerCount: 1, isReachable: true, bootstrap: [] },
    unpublished: [{ name: "stable/arm64", problem }],
  };
  const seen = {
    ...HEALTHY,
    provider: { ...HEALTHY.provider, dht },
    neighbours: [{ url: "http://n0", aheadMs: -HOUR_MS }],
  };
  const [finding, ...others] = clockFindings(seen);
  assert.equal(finding?.code, "clock_off");
  assert.match(finding?.cause ?? "", /60 minutes ahead of those of other DHT/);
  assert.deepEqual(others, []);
  const unfound = { nodes: [], hasAnswer: true, url: undefined, problems: [] };
  assert.deepEqual(dhtFindings({ ...seen, dht: unfound }), []);
});
