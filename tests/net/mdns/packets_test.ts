import assert from "node:assert/strict";
import { type DnsRecord, DnsType } from "../../../lib/net/dns/message.ts";
import {
  queryPackets,
  responsePackets,
} from "../../../lib/net/mdns/packets.ts";
import {
  addressRecord,
  decoded,
  question,
} from "../../support/mdns_messages.ts";

const HOST = "lab.local";
const A1 = addressRecord(HOST, "10.0.0.1");
const A2 = addressRecord(HOST, "10.0.0.2");
const V6 = addressRecord(HOST, "fd77::1");

/** Records of that many instances, each with an additional of its own. */
function pointers(count: number) {
  const answers = Array.from({ length: count }, (_, i): DnsRecord => ({
    name: "_phase-image._tcp.local",
    type: DnsType.PTR,
    ttlSeconds: 4500,
    cacheFlush: false,
    target: `instance-number-${i}._phase-image._tcp.local`,
  }));
  const textOf = (answer: DnsRecord): DnsRecord => ({
    name: answer.type === DnsType.PTR ? answer.target : "",
    type: DnsType.TXT,
    ttlSeconds: 4500,
    cacheFlush: true,
    strings: [new Uint8Array(200)],
  });
  return { answers, textOf };
}

Deno.test("responsePackets() keeps each answer together with what belongs to it, within 1440 bytes", () => {
  const { answers, textOf } = pointers(20);
  const packets = responsePackets(answers, (answer) => [textOf(answer), A1]);
  const messages = packets.map(decoded);
  assert.ok(packets.every((packet) => packet.length <= 1440));
  assert.deepEqual(messages.flatMap((m) => m.answers), answers);
  for (const { answers, additionals } of messages) {
    assert.deepEqual(additionals, [
      ...answers.slice(0, 1).flatMap((a) => [textOf(a), A1]),
      ...answers.slice(1).map(textOf),
    ]);
  }
  assert.equal(messages.length, 4);
});

Deno.test("responsePackets() lets an answer go alone that fills a packet", () => {
  const big: DnsRecord = {
    name: "big.local",
    type: DnsType.TXT,
    ttlSeconds: 4500,
    cacheFlush: true,
    strings: Array.from({ length: 7 }, () => new Uint8Array(200)),
  };
  const packets = responsePackets([A1, big, A2], () => [V6]).map(decoded);
  assert.deepEqual(packets.map((m) => [m.answers, m.additionals]), [
    [[A1], [V6]],
    [[big], []],
    [[A2], [V6]],
  ]);
});

Deno.test("queryPackets() packs questions with what belongs to them", () => {
  const { answers, textOf } = pointers(12);
  const parts = answers.map((answer) => ({
    questions: [question(answer.name, DnsType.PTR)],
    authorities: [textOf(answer)],
  }));
  const packets = queryPackets(parts);
  assert.ok(packets.every((packet) => packet.length <= 1440));
  const messages = packets.map(decoded);
  assert.deepEqual(messages.map((m) => m.questions.length), [5, 5, 2]);
  assert.deepEqual(messages.flatMap((m) => m.authorities), answers.map(textOf));
  assert.deepEqual(queryPackets([]), []);
});

Deno.test("queryPackets() sends known answers that do not fit in packets that follow, all but the last truncated", () => {
  const { answers } = pointers(300);
  const name = answers[0]?.name ?? "";
  const asked = question(name, DnsType.PTR);
  const other = question("_sub._phase-image._tcp.local", DnsType.PTR);
  const packets = queryPackets([
    { questions: [other] },
    { questions: [asked], answers },
  ]);
  for (const { length } of packets) {
    assert.ok(length <= 1440, `${length} bytes`);
  }
  const messages = packets.map(decoded);
  assert.deepEqual(messages.map((m) => m.questions), [
    [other, asked],
    ...messages.slice(1).map(() => []),
  ]);
  assert.deepEqual(messages.flatMap((m) => m.answers), answers);
  assert.ok(messages.length < 15, `${messages.length} packets`);
  assert.deepEqual(messages.map((m) => m.truncated), [
    ...messages.slice(1).map(() => true),
    false,
  ]);
});

Deno.test("queryPackets() keeps each question's known answers behind it, where the questions fill several packets", () => {
  const { answers, textOf } = pointers(60);
  const parts = answers.map((answer) => ({
    questions: [question(textOf(answer).name, DnsType.TXT)],
    answers: [textOf(answer)],
  }));
  const packets = queryPackets(parts);
  for (const { length } of packets) {
    assert.ok(length <= 1440, `${length} bytes`);
  }
  let asked: string[] = [];
  for (const { questions, answers } of packets.map(decoded)) {
    if (questions.length > 0) asked = questions.map((q) => q.name);
    for (const { name } of answers) assert.ok(asked.includes(name), name);
  }
  assert.equal(packets.map(decoded).flatMap((m) => m.answers).length, 60);
});

Deno.test("responsePackets() leaves no packet that would have taken the next record too, whatever their sizes", () => {
  const answers = Array.from({ length: 300 }, (_, i): DnsRecord => ({
    name: `instance-${i}.local`,
    type: DnsType.TXT,
    ttlSeconds: 4500,
    cacheFlush: true,
    // Small and large ones in turn, some too large for a packet of their own.
    strings: Array.from(
      { length: i % 17 === 0 ? 7 : 1 + i % 3 },
      () => new Uint8Array((37 * i) % 250),
    ),
  }));
  const packets = responsePackets(answers, () => []);
  const perPacket = packets.map((packet) => decoded(packet).answers);
  assert.deepEqual(perPacket.flat(), answers);
  for (const [i, packet] of packets.entries()) {
    const count = perPacket[i]?.length ?? 0;
    assert.ok(packet.length <= 1440 || count === 1);
    const next = perPacket[i + 1]?.slice(0, 1) ?? [];
    const further = responsePackets([...perPacket[i] ?? [], ...next], () => []);
    assert.equal(further.length, next.length + 1, `packet ${i} has room`);
  }
});
