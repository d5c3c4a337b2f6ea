import assert from "node:assert/strict";
import { encodeMessage } from "../../../lib/net/dns/encode_message.ts";
import {
  type DnsRecord,
  DnsType,
  queryMessage,
  responseMessage,
} from "../../../lib/net/dns/message.ts";

Deno.test("encodeMessage() compresses names that share an ending", () => {
  const question = {
    name: "_phase-image._tcp.local",
    type: DnsType.PTR,
    unicastResponse: false,
  };
  const once = encodeMessage(queryMessage([question])).length;
  const twice = encodeMessage(queryMessage([question, question])).length;
  assert.equal(twice - once, 2 + 4, "a pointer, type and class");
});

Deno.test("encodeMessage() refuses a label over 63 bytes", () => {
  const question = {
    name: "x".repeat(64),
    type: DnsType.PTR,
    unicastResponse: false,
  };
  assert.throws(() => encodeMessage(queryMessage([question])), RangeError);
});

Deno.test("encodeMessage() refuses a TXT string over 255 bytes", () => {
  const txt: DnsRecord = {
    name: "a",
    type: DnsType.TXT,
    ttlSeconds: 1,
    cacheFlush: false,
    strings: [new Uint8Array(256)],
  };
  assert.throws(() => encodeMessage(responseMessage([txt])), RangeError);
});
