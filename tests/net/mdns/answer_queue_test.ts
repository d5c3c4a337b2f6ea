import assert from "node:assert/strict";
import { AnswerQueue } from "../../../lib/net/mdns/answer_queue.ts";
import { addressRecord } from "../../support/mdns_messages.ts";

const [A, B] = [
  addressRecord("a.local", "10.0.0.1"),
  addressRecord("b.local", "10.0.0.2"),
];

Deno.test("AnswerQueue sends together what waits, but nothing within its rate limit", () => {
  const queue = new AnswerQueue();
  queue.sent([A], 0);
  queue.add([A], { delayMs: 0, gapMs: 1000, nowMs: 100 });
  queue.add([B], { delayMs: 20, gapMs: 1000, nowMs: 100 });
  assert.equal(queue.nextDueMs(), 120);
  assert.deepEqual(queue.take(119), []);
  assert.deepEqual(queue.take(120), [B]);
  assert.deepEqual(queue.take(999), []);
  assert.deepEqual(queue.take(1000), [A]);
  assert.equal(queue.nextDueMs(), Infinity);
});

Deno.test("AnswerQueue lets later answers go along with the first that is due", () => {
  const queue = new AnswerQueue();
  queue.add([A], { delayMs: 20, gapMs: 1000, nowMs: 0 });
  queue.add([B], { delayMs: 120, gapMs: 1000, nowMs: 0 });
  assert.deepEqual(queue.take(20), [A, B]);
});

Deno.test("AnswerQueue keeps the earlier time when an answer is wanted twice", () => {
  const queue = new AnswerQueue();
  queue.add([A], { delayMs: 120, gapMs: 1000, nowMs: 0 });
  queue.add([A], { delayMs: 20, gapMs: 1000, nowMs: 10 });
  queue.add([A], { delayMs: 500, gapMs: 1000, nowMs: 10 });
  assert.equal(queue.nextDueMs(), 30);
});

Deno.test("AnswerQueue drops what another host said with as long a life, not with a shorter one", () => {
  const queue = new AnswerQueue();
  queue.add([A, B], { delayMs: 20, gapMs: 1000, nowMs: 0 });
  queue.drop({ ...A, ttlSeconds: 119 });
  queue.drop(B);
  assert.deepEqual(queue.take(20), [A]);
});

Deno.test("AnswerQueue forgets when it last sent what nobody asks about any more", () => {
  const queue = new AnswerQueue();
  queue.sent([A], 0);
  queue.sent([B], 1_125_000);
  assert.equal(queue.lastSentMs(A), 0);
  queue.sent([B], 1_125_001);
  assert.equal(queue.lastSentMs(A), -Infinity);
  assert.equal(queue.lastSentMs(B), 1_125_001);
});
