import assert from "node:assert/strict";
import { DnsType, queryMessage } from "../../../lib/net/dns/message.ts";
import type { Endpoint } from "../../../lib/net/mdns/socket.ts";
import { TruncatedQueries } from "../../../lib/net/mdns/truncated_queries.ts";
import { addressRecord, question } from "../../support/mdns_messages.ts";

const FROM: Endpoint = { address: "10.0.0.9", port: 5353 };
const OTHER: Endpoint = { address: "10.0.0.8", port: 5353 };
const ASKED = question("lab.local", DnsType.A);

/** A packet of a query; each has one known answer. */
function packet(n: number, { truncated = true } = {}) {
  const answers = [addressRecord("lab.local", `10.1.${n >> 8}.${n & 255}`)];
  return queryMessage(n === 0 ? [ASKED] : [], { answers, truncated });
}

function queries(): TruncatedQueries {
  return new TruncatedQueries(() => 0.5);
}

Deno.test("TruncatedQueries lets a whole query through, and waits for what follows a truncated one", () => {
  const waiting = queries();
  assert.equal(waiting.nextDueMs(), Infinity);
  assert.equal(waiting.add(packet(0, { truncated: false }), FROM, 0), false);
  assert.equal(waiting.add(packet(0), FROM, 0), true);
  assert.equal(waiting.nextDueMs(), 450);
  assert.equal(waiting.add(packet(1, { truncated: false }), FROM, 100), true);
  assert.deepEqual(waiting.take(449), []);
  const [whole, ...rest] = waiting.take(450);
  assert.deepEqual(rest, []);
  assert.deepEqual(whole?.from, FROM);
  assert.deepEqual(whole.message.questions, [ASKED]);
  assert.equal(whole.message.answers.length, 2);
  assert.equal(waiting.nextDueMs(), Infinity);
});

Deno.test("TruncatedQueries waits anew after each truncated packet, 2 s at the most", () => {
  const waiting = queries();
  for (let n = 0; n < 9; n++) waiting.add(packet(n), FROM, n * 300);
  assert.equal(waiting.nextDueMs(), 2000);
});

Deno.test("TruncatedQueries keeps those of two askers apart", () => {
  const waiting = queries();
  waiting.add(packet(0), FROM, 0);
  assert.equal(waiting.add(packet(1, { truncated: false }), OTHER, 0), false);
  waiting.add(packet(0), OTHER, 10);
  assert.deepEqual(waiting.take(1000).map(({ from }) => from), [FROM, OTHER]);
});

Deno.test("TruncatedQueries keeps no more than 50 askers waiting, and no more than about 1000 records of one", () => {
  const waiting = queries();
  for (let n = 0; n < 60; n++) {
    const from = { address: `10.0.1.${n}`, port: 5353 };
    assert.equal(waiting.add(packet(0), from, 0), n < 50, `${n}`);
  }
  assert.equal(waiting.take(1000).length, 50);

  for (let n = 0; n < 2000; n++) waiting.add(packet(n), FROM, 1000);
  const [query] = waiting.take(10_000);
  assert.equal(query?.message.answers.length, 1000);
});
