import assert from "node:assert/strict";
import {
  type Attempt,
  CandidatePlaces,
} from "../../lib/discover/candidate_places.ts";
import { ok, refuse } from "../../lib/core/result.ts";
import { Discovery } from "../../lib/discover/discovery.ts";
import type { Source } from "../../lib/discover/source.ts";
import { candidate, verified } from "../support/memory_source.ts";

function attempt(
  host: string,
  source: Source["name"] = "dht",
  dueMs = 0,
): Attempt {
  return {
    candidate: candidate(host, { source }),
    providerHref: candidate(host).manifestUrl.href,
    wasTried: false,
    running: 0,
    isSlow: false,
    startedMs: 0,
    ending: new AbortController(),
    dueMs,
    retryMs: 1000,
  };
}

function hostsOf(attempts: readonly Attempt[]): string[] {
  return attempts.map((one) => one.candidate.manifestUrl.host);
}

const all = () => true;

/** Ends those that run, for good. */
function settle(attempts: readonly Attempt[]): void {
  for (const one of attempts) {
    one.running = 0;
    one.dueMs = Infinity;
  }
}

Deno.test("CandidatePlaces takes sources, hosts and ports in turn", () => {
  const places = new CandidatePlaces();
  for (let i = 1; i <= 100; i++) places.add(attempt(`evil:${i % 2 + 1}/${i}`));
  for (let i = 1; i <= 100; i++) places.add(attempt(`evil:${i + 10}`));
  places.add(attempt("good"));
  places.add(attempt("lan", "mdns"));
  const taken = hostsOf(places.take(0, all));
  assert.equal(taken.length, 64);
  assert.deepEqual(taken.slice(0, 3), ["evil:2", "lan", "good"]);
  assert.equal(new Set(taken).size, 64, "no port twice before all others");
});

Deno.test("CandidatePlaces gives a place back that its candidate is done with, and does not try it again", () => {
  const places = new CandidatePlaces();
  for (let i = 0; i < 1024; i++) assert.ok(places.add(attempt(`h${i}`)));
  assert.equal(places.add(attempt("late")), false, "all wait to be tried");
  const taken = places.take(0, all);
  settle(taken);
  const first = taken[0]?.candidate.manifestUrl;
  assert.ok(places.add(attempt("late")));
  assert.equal(places.get(first?.href ?? ""), undefined);
  assert.ok(places.add(attempt(first?.host ?? "")), "it is known");
  assert.equal(places.get(first?.href ?? ""), undefined, "and not tried again");
});

Deno.test("CandidatePlaces takes a place from the host that has most, tried or not, never from one that runs", () => {
  const places = new CandidatePlaces();
  for (let i = 1; i <= 1024; i++) places.add(attempt(`evil:${i}`));
  const running = places.take(0, all);
  assert.ok(places.add(attempt("a")));
  assert.ok(places.add(attempt("b")));
  const left = [...places.values()];
  assert.equal(left.length, 1024);
  assert.ok(running.every((one) => left.includes(one)));
  assert.equal(places.add(attempt("evil:2000")), false);
});

Deno.test("CandidatePlaces gives up what has long been silent where others wait, of the host that has most", () => {
  const places = new CandidatePlaces();
  places.add(attempt("far"));
  for (let i = 1; i <= 300; i++) places.add(attempt(`evil:${i}`));
  const silent = places.take(0, all);
  assert.equal(silent.length, 64);
  places.add(attempt("good"));
  assert.deepEqual(places.take(2999, all), []);
  assert.equal(places.nextDueMs(), 3000);
  const next = hostsOf(places.take(3000, all));
  assert.equal(next[0], "good");
  assert.ok(next.length > 50, `${next.length}`);
  const isEnded = (one: Attempt) => one.ending.signal.aborted;
  assert.equal(silent.filter(isEnded).length, next.length);
  assert.ok(!silent.filter(isEnded).some((one) => hostsOf([one])[0] === "far"));
});

Deno.test("CandidatePlaces waits for all that is silent where nobody else waits", () => {
  const places = new CandidatePlaces();
  for (let i = 1; i <= 64; i++) places.add(attempt(`far:${i}`));
  const silent = places.take(0, all);
  assert.deepEqual(places.take(60_000, all), [], "no room for a second try");
  assert.ok(!silent.some((one) => one.ending.signal.aborted));
});

Deno.test("CandidatePlaces gives one that is wanted no more no turn", () => {
  const places = new CandidatePlaces();
  places.add(attempt("a"));
  places.add(attempt("b"));
  const isWanted = ({ candidate }: Attempt) =>
    candidate.manifestUrl.host === "b";
  assert.deepEqual(hostsOf(places.take(0, isWanted)), ["b"]);
  assert.deepEqual(places.take(0, all), []);
  assert.equal(places.nextDueMs(), 3000, "b is asked once more");
  assert.ok(places.isAnyAwaited);
});

Deno.test("Discovery finds the good one behind any number of worthless ones of one host", () => {
  const image = { channel: "stable", arch: "arm64" };
  const options = { image, all: false, timeoutMs: 10_000 };
  const discovery = new Discovery(options, 1, 0);
  const hear = (host: string) =>
    discovery.hear({ kind: "candidate", candidate: candidate(host) }, 1);
  const running = Array.from({ length: 3000 }, (_, i) => hear(`evil:${i + 1}`))
    .flat();
  assert.deepEqual(hear("good"), []);
  // The first that ends makes room for it.
  const [first] = running;
  assert.ok(first);
  const refusal = { code: "expired", message: "as the test says" } as const;
  const next = discovery.checked(first, refuse(refusal), 3);
  assert.deepEqual(next.map((one) => one.manifestUrl.host), ["good"]);
  discovery.checked(candidate("good"), ok(verified()), 4);
  discovery.tick(254);
  const { providers, refused } = discovery.result();
  assert.equal(providers[0]?.candidate.manifestUrl.host, "good");
  assert.ok(refused.length <= 256);
});
