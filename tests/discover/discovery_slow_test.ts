import assert from "node:assert/strict";
import {
  accept,
  checkedHosts,
  found,
  hosts,
  refusals,
  reject,
  start,
} from "../support/discovery_steps.ts";

Deno.test("Discovery waits for a slow answer until time is up, and asks for it once more besides", () => {
  const discovery = start({ timeoutMs: 60_000 });
  discovery.hear(found("far"), 0);
  assert.deepEqual(discovery.tick(2999), []);
  assert.deepEqual(checkedHosts(discovery.tick(3000)), ["far"]);
  assert.equal(discovery.nextDueMs(), 60_000, "and never a third time");
  accept(discovery, "far", 6400);
  assert.ok(discovery.isOver);
  assert.equal(discovery.result().isTimeUp, false);
  assert.deepEqual(hosts(discovery.result()), ["far"]);
});

Deno.test("Discovery asks a third time when one of two slow tries broke off", () => {
  const discovery = start({ timeoutMs: 60_000 });
  discovery.hear(found("far"), 0);
  discovery.tick(3000);
  reject(discovery, "far", 5000, "truncated");
  assert.deepEqual(checkedHosts(discovery.tick(6000)), ["far"]);
  assert.equal(discovery.nextDueMs(), 60_000);
  reject(discovery, "far", 7000, "bad_signature");
  assert.equal(
    discovery.nextDueMs(),
    60_000,
    "the one left is not refused yet",
  );
  accept(discovery, "far", 8000);
  assert.ok(discovery.isOver);
  assert.deepEqual(discovery.result().refused, []);
});

Deno.test("Discovery has no good candidate wait for one that is slow", () => {
  const discovery = start();
  discovery.hear(found("mute"), 0);
  discovery.tick(3000);
  assert.ok(!discovery.isChecking, "the DHT may be loaded");
  discovery.hear(found("good"), 4000);
  assert.ok(discovery.isChecking);
  accept(discovery, "good", 4001);
  assert.ok(discovery.isOver);
  const { refused, unanswered } = discovery.result();
  assert.deepEqual(refused, []);
  assert.deepEqual(unanswered.map(({ host }) => host), ["mute"]);
});

Deno.test("Discovery with no source left waits for a slow answer, too", () => {
  const discovery = start();
  discovery.hear(found("far"), 0);
  discovery.sourceEnded(undefined, 0);
  discovery.tick(3000);
  discovery.tick(9999);
  assert.ok(!discovery.isOver);
  discovery.tick(10_000);
  assert.ok(discovery.isOver && discovery.result().isTimeUp);
  assert.deepEqual(refusals(discovery.result()), [["far", "slow"]]);
});

Deno.test("Discovery keeps what was said last about a topic", () => {
  const discovery = start();
  for (const message of ["asked one", "asked two"]) {
    discovery.hear({ kind: "problem", message, topic: "asked" }, 1);
  }
  discovery.hear({ kind: "problem", message: "no route" }, 1);
  assert.deepEqual(discovery.result().problems, ["asked two", "no route"]);
});
