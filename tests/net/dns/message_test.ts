import assert from "node:assert/strict";
import {
  type DnsRecord,
  DnsType,
  queryMessage,
  recordKey,
  responseMessage,
} from "../../../lib/net/dns/message.ts";
import { addressRecord, question } from "../../support/mdns_messages.ts";

const TXT: DnsRecord = {
  name: "x.local",
  type: DnsType.TXT,
  ttlSeconds: 1,
  cacheFlush: true,
  strings: [Uint8Array.of(1, 2)],
};

Deno.test("recordKey() goes by name, type and data, whatever the TTL and the case of letters", () => {
  const record = addressRecord("lab.local", "10.0.0.1");
  const same = addressRecord("LAB.local", "10.0.0.1", {
    ttlSeconds: 0,
    cacheFlush: false,
  });
  assert.equal(recordKey(record), recordKey(same));
  const others = [
    addressRecord("lab2.local", "10.0.0.1"),
    addressRecord("lab.local", "10.0.0.2"),
    addressRecord("lab.local", "::a00:1"),
  ];
  const keys = new Set([record, ...others].map(recordKey));
  assert.equal(keys.size, 4);
});

Deno.test("recordKey() tells apart TXT records whose strings are cut elsewhere", () => {
  const cut = { ...TXT, strings: [Uint8Array.of(1), Uint8Array.of(2)] };
  const joined = { ...TXT, strings: [Uint8Array.of(12)] };
  assert.equal(new Set([TXT, cut, joined].map(recordKey)).size, 3);
});

Deno.test("queryMessage() and responseMessage() fill in what is not given", () => {
  const asked = question("lab.local", DnsType.A);
  assert.deepEqual(queryMessage([asked], { id: 7 }), {
    id: 7,
    isResponse: false,
    truncated: false,
    questions: [asked],
    answers: [],
    authorities: [],
    additionals: [],
  });
  const response = responseMessage([TXT], { additionals: [TXT] });
  assert.equal(response.isResponse, true);
  assert.deepEqual([response.answers, response.additionals], [[TXT], [TXT]]);
});
