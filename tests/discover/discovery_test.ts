import assert from "node:assert/strict";
import { candidate, verified } from "../support/memory_source.ts";
import {
  accept,
  checkedHosts,
  found,
  hosts,
  refusals,
  reject,
  start,
} from "../support/discovery_steps.ts";

Deno.test("Discovery prefers the newest of those that come within 5 ms, however quick the first is", () => {
  const discovery = start();
  for (const [atMs, version] of [[1, 9], [3, 10], [5, 8]] as const) {
    const host = `v${version}`;
    assert.deepEqual(checkedHosts(discovery.hear(found(host), atMs)), [host]);
    accept(discovery, host, atMs, verified({ manifestVersion: version }));
  }
  assert.equal(discovery.nextDueMs(), 6);
  assert.ok(!discovery.isOver);
  discovery.tick(6);
  assert.ok(discovery.isOver);
  // Nothing that comes later counts.
  assert.deepEqual(discovery.hear(found("v11"), 7), []);
  assert.deepEqual(accept(discovery, "v11", 7), []);
  discovery.hear({ kind: "problem", message: "late" }, 7);
  assert.deepEqual(discovery.result().problems, []);
  assert.deepEqual(hosts(discovery.result()), ["v10", "v9", "v8"]);
});

Deno.test("Discovery goes on for further providers where it is asked to, and not for ever", () => {
  const discovery = start({ goesOn: true });
  discovery.hear(found("a"), 1);
  accept(discovery, "a", 2);
  discovery.tick(6);
  assert.ok(discovery.isKnown);
  assert.ok(!discovery.isOver);
  assert.equal(discovery.nextDueMs(), Infinity);
  // Also after the time that the first one had.
  for (let i = 1; i < 32; i++) {
    assert.ok(!discovery.isOver);
    discovery.hear(found(`b${i}`), 20_000 + i);
    accept(discovery, `b${i}`, 20_000 + i);
  }
  assert.ok(discovery.isOver);
  assert.equal(discovery.result().providers.length, 32);
  assert.ok(!discovery.result().isTimeUp);
});

Deno.test("Discovery that found nothing does not go on", () => {
  const discovery = start({ goesOn: true });
  discovery.tick(10_000);
  assert.ok(discovery.isKnown);
  assert.ok(discovery.isOver);
});

Deno.test("Discovery is over with the first check that took longer than others are waited for, in the same turn", () => {
  const discovery = start();
  discovery.hear(found("a"), 1);
  accept(discovery, "a", 8);
  assert.ok(discovery.isOver);
  assert.equal(discovery.result().providers[0]?.elapsedMs, 8);
});

Deno.test("Discovery prefers the newest of the images that are checked at the same time", () => {
  const discovery = start();
  discovery.hear(found("old"), 1);
  discovery.hear(found("new"), 1);
  accept(discovery, "old", 2);
  discovery.tick(200);
  assert.ok(!discovery.isOver);
  accept(discovery, "new", 201, verified({ manifestVersion: 2 }));
  assert.ok(discovery.isOver);
  assert.deepEqual(hosts(discovery.result()), ["new", "old"]);
});

Deno.test("Discovery has a good candidate wait 250 ms for others, and does not call them slow", () => {
  const discovery = start();
  discovery.hear(found("slow"), 1);
  discovery.hear(found("good"), 1);
  accept(discovery, "good", 2);
  assert.equal(discovery.nextDueMs(), 252);
  discovery.hear(found("another"), 100);
  accept(discovery, "another", 101);
  discovery.tick(251);
  assert.ok(!discovery.isOver);
  discovery.tick(252);
  assert.ok(discovery.isOver);
  assert.deepEqual(hosts(discovery.result()), ["good", "another"]);
  assert.deepEqual(discovery.result().refused, []);
});

Deno.test("Discovery prefers a verified image to a newer one that is not, a LAN to the DHT, and the quicker", () => {
  const discovery = start({ all: true });
  for (const host of ["dht", "slow", "newer", "verified"]) {
    discovery.hear(
      found(host, { source: host === "dht" ? "dht" : "mdns" }),
      1,
    );
  }
  accept(discovery, "dht", 2);
  accept(discovery, "newer", 3, verified({ manifestVersion: 9 }));
  accept(discovery, "verified", 3, verified({ verifiedBy: ["k"] }));
  discovery.hear(found("quick"), 3);
  accept(discovery, "quick", 4);
  accept(discovery, "slow", 5);
  assert.deepEqual(hosts(discovery.result()), [
    "verified",
    "newer",
    "quick",
    "slow",
    "dht",
  ]);
});

Deno.test("Discovery takes no provider that is no longer trusted at the end", () => {
  const discovery = start({
    all: true,
    stillTrusts: ({ verifiedBy }) => verifiedBy.includes("new"),
  });
  discovery.hear(found("thief"), 1);
  discovery.hear(found("owner"), 1);
  const stolen = verified({ manifestVersion: 9, verifiedBy: ["stolen"] });
  accept(discovery, "thief", 2, stolen);
  accept(discovery, "owner", 2, verified({ verifiedBy: ["new"] }));
  discovery.tick(10_000);
  assert.ok(discovery.isOver);
  assert.deepEqual(hosts(discovery.result()), ["owner"]);
  assert.deepEqual(refusals(discovery.result()), [["thief", "unknown_key"]]);
});

Deno.test("Discovery goes on when the only one it took is no longer trusted", () => {
  let succeeded = false;
  const discovery = start({
    stillTrusts: ({ verifiedBy }) =>
      !succeeded || !verifiedBy.includes("thief"),
  });
  discovery.hear(found("drip"), 1);
  discovery.hear(found("thief"), 2);
  accept(discovery, "thief", 2, verified({ verifiedBy: ["thief"] }));
  succeeded = true;
  discovery.tick(252);
  assert.ok(!discovery.isOver);
  assert.equal(discovery.nextDueMs(), 3001, "drip is asked once more then");
  discovery.hear(found("owner"), 1000);
  accept(discovery, "owner", 1000, verified({ verifiedBy: ["owner"] }));
  assert.equal(discovery.nextDueMs(), 1250);
  discovery.tick(1250);
  assert.ok(discovery.isOver);
  assert.deepEqual(hosts(discovery.result()), ["owner"]);
});

Deno.test("Discovery asks a busy provider again after 1 s, 2 s, 4 s and 8 s, and forgets that it was", () => {
  const discovery = start({ timeoutMs: 60_000 });
  discovery.hear(found("busy"), 0);
  let nowMs = 0;
  for (const waitMs of [1000, 2000, 4000, 8000, 8000]) {
    reject(discovery, "busy", nowMs, "status");
    assert.equal(discovery.nextDueMs(), nowMs + waitMs);
    nowMs += waitMs;
    assert.deepEqual(discovery.tick(nowMs - 1), []);
    assert.deepEqual(checkedHosts(discovery.tick(nowMs)), ["busy"]);
  }
  accept(discovery, "busy", nowMs);
  assert.ok(discovery.isOver);
  assert.deepEqual(hosts(discovery.result()), ["busy"]);
  assert.deepEqual(discovery.result().refused, []);
});

Deno.test("Discovery does not ask again a provider whose answer is refused", () => {
  const discovery = start();
  discovery.hear(found("forger"), 1);
  reject(discovery, "forger", 2, "bad_signature");
  assert.equal(discovery.nextDueMs(), 10_000);
  assert.deepEqual(refusals(discovery.result()), [["forger", "bad_signature"]]);
});

Deno.test("Discovery checks each URL once, however often it is found", () => {
  const discovery = start({}, 2);
  assert.equal(discovery.hear(found("a"), 1).length, 1);
  assert.deepEqual(discovery.hear(found("a", { source: "dht" }), 1), []);
  reject(discovery, "a", 2, "status");
  assert.deepEqual(discovery.hear(found("a"), 2), []);
});

/** A provider at one host, and at others besides. */
function foundAt(host: string, ...others: string[]) {
  const otherUrls = others.map((other) => candidate(other).manifestUrl);
  return found(host, { otherUrls });
}

Deno.test("Discovery tries a provider's next address as soon as one gives nothing, and names the one that did", () => {
  const discovery = start();
  assert.deepEqual(checkedHosts(discovery.hear(foundAt("a", "b", "c"), 0)), [
    "a",
  ]);
  assert.deepEqual(checkedHosts(reject(discovery, "a", 10, "unreachable")), [
    "b",
  ]);
  assert.deepEqual(checkedHosts(reject(discovery, "b", 20, "expired")), ["c"]);
  accept(discovery, "c", 30);
  assert.equal(discovery.isOver, true);
  const result = discovery.result();
  assert.deepEqual(hosts(result), ["c"]);
  assert.deepEqual(
    result.refused.map(({ isOtherAddress }) => isOtherAddress),
    [undefined, true],
  );
});

Deno.test("Discovery tries an address at once that it hears of after the first gave nothing", () => {
  const discovery = start({}, 2);
  discovery.hear(foundAt("a"), 0);
  reject(discovery, "a", 10, "unreachable");
  assert.deepEqual(checkedHosts(discovery.hear(foundAt("a", "b"), 20)), ["b"]);
  accept(discovery, "b", 30);
  assert.deepEqual(hosts(discovery.result()), ["b"]);
});

Deno.test("Discovery tries a provider's next address after 1 s when one is slow, and takes the provider once", () => {
  const discovery = start({ all: true });
  discovery.hear(foundAt("a", "b", "c"), 0);
  assert.equal(discovery.nextDueMs(), 1000);
  assert.deepEqual(checkedHosts(discovery.tick(999)), []);
  assert.deepEqual(checkedHosts(discovery.tick(1000)), ["b"]);
  accept(discovery, "b", 1010);
  accept(discovery, "a", 1020);
  assert.deepEqual(checkedHosts(discovery.tick(2000)), []);
  discovery.tick(10_000);
  assert.equal(discovery.isOver, true);
  assert.deepEqual(hosts(discovery.result()), ["b"]);
});

Deno.test("Discovery gives a provider up when each of its addresses is settled", () => {
  const discovery = start();
  discovery.hear(foundAt("a", "b"), 0);
  discovery.sourceEnded(undefined, 0);
  reject(discovery, "a", 10, "expired");
  assert.equal(discovery.isOver, false);
  reject(discovery, "b", 20, "expired");
  assert.equal(discovery.isOver, true);
});

Deno.test("Discovery learns a provider's further addresses later, too", () => {
  const discovery = start();
  discovery.hear(found("a"), 0);
  discovery.hear(foundAt("a", "b"), 20);
  assert.deepEqual(checkedHosts(discovery.tick(1020)), ["b"]);
});

Deno.test("Discovery lets no provider keep another from being tried by calling it an address of its own", () => {
  const forged = foundAt("evil", "good");
  const late = start({ all: true });
  late.hear(forged, 0);
  accept(late, "evil", 10);
  assert.deepEqual(checkedHosts(late.hear(found("good"), 20)), ["good"]);
  accept(late, "good", 30);
  assert.deepEqual(hosts(late.result()), ["evil", "good"]);

  const early = start();
  assert.deepEqual(checkedHosts(early.hear(found("good"), 0)), ["good"]);
  assert.deepEqual(checkedHosts(early.hear(forged, 1)), ["evil"]);
  reject(early, "evil", 10, "expired");
  accept(early, "good", 20);
  assert.deepEqual(hosts(early.result()), ["good"]);
});

Deno.test("Discovery ignores candidates for another image", () => {
  const image = { channel: "testing", arch: "arm64" };
  assert.deepEqual(start().hear(found("a", { image }), 1), []);
});

Deno.test("Discovery checks 64 candidates at once, each of the others as one ends", () => {
  const discovery = start();
  const waiting = Array.from(
    { length: 300 },
    (_, i) => discovery.hear(found(`h${i}`), 1),
  ).flat();
  assert.equal(waiting.length, 64);
  assert.equal(discovery.nextDueMs(), 3001, "when one has ended, or is slow");
  let checked = 0;
  for (let next = waiting.shift(); next; next = waiting.shift(), checked++) {
    waiting.push(...reject(discovery, next.manifestUrl.host, 2, "expired"));
  }
  assert.equal(checked, 300);
});

Deno.test("Discovery with all collects providers until time is up, and names those that had not answered", () => {
  const discovery = start({ all: true });
  for (const [host, atMs] of [["a", 1], ["b", 8500]] as const) {
    discovery.hear(found(host), atMs);
    accept(discovery, host, atMs);
    assert.equal(discovery.nextDueMs(), 10_000);
  }
  discovery.hear(found("refused"), 9000);
  reject(discovery, "refused", 9001, "expired");
  discovery.hear(found("slow"), 9999);
  discovery.tick(9999);
  assert.ok(!discovery.isOver);
  discovery.tick(10_000);
  assert.ok(discovery.isOver);
  assert.deepEqual(hosts(discovery.result()), ["a", "b"]);
  assert.deepEqual(refusals(discovery.result()), [
    ["refused", "expired"],
    ["slow", "slow"],
  ]);
});

Deno.test("Discovery names at the timeout those that were found and had not answered", () => {
  const discovery = start({ timeoutMs: 2000 });
  for (const host of ["silent", "busy", "broken"]) {
    discovery.hear(found(host), 1);
  }
  reject(discovery, "busy", 2, "status");
  discovery.checkFailed(candidate("broken"), "bug", 2);
  assert.deepEqual(checkedHosts(discovery.tick(1002)), ["busy"]);
  discovery.tick(1999);
  assert.ok(!discovery.isOver);
  discovery.tick(2000);
  assert.ok(discovery.isOver);
  const result = discovery.result();
  assert.deepEqual(hosts(result), []);
  assert.deepEqual(refusals(result), [["busy", "status"], ["silent", "slow"]]);
  assert.deepEqual(result.problems, ["bug"]);
});

Deno.test("Discovery is over when no source and no candidate is left", () => {
  const discovery = start({}, 2);
  discovery.hear(found("a"), 1);
  discovery.sourceEnded(undefined, 1);
  discovery.sourceEnded("dht: no route", 1);
  assert.ok(!discovery.isOver, "a is being checked");
  reject(discovery, "a", 2, "unreachable");
  assert.ok(!discovery.isOver, "a is asked again");
  discovery.tick(1002);
  reject(discovery, "a", 1003, "bad_signature");
  assert.ok(discovery.isOver);
  assert.deepEqual(discovery.result().problems, ["dht: no route"]);
});

Deno.test("Discovery without a source is over at the first tick", () => {
  const discovery = start({}, 0);
  discovery.tick(0);
  assert.ok(discovery.isOver);
});

Deno.test("Discovery leaves no gap between a good manifest and the result, but with all", () => {
  for (const all of [false, true]) {
    const discovery = start({ all });
    assert.ok(!discovery.isChecking);
    discovery.hear(found("a"), 1);
    assert.ok(discovery.isChecking);
    accept(discovery, "a", 2);
    // The check is done, and others are waited for.
    assert.ok(!discovery.isOver);
    assert.equal(discovery.isChecking, !all);
  }
});

Deno.test("Discovery is not checking while a provider waits for another try", () => {
  const discovery = start();
  discovery.hear(found("busy"), 1);
  reject(discovery, "busy", 2, "status");
  assert.ok(!discovery.isChecking);
  discovery.tick(1002);
  assert.ok(discovery.isChecking);
});

Deno.test("Discovery keeps what other images there are", () => {
  const discovery = start();
  for (const channel of ["testing", "old", "testing"]) {
    const image = { channel, arch: "arm64" };
    assert.deepEqual(discovery.hear({ kind: "other", image }, 1), []);
  }
  assert.deepEqual(
    discovery.result().others.map(({ channel }) => channel),
    ["old", "testing"],
  );
});
