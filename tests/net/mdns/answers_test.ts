import assert from "node:assert/strict";
import { DnsType } from "../../../lib/net/dns/message.ts";
import {
  additionalsTo,
  AnswerIndex,
  answersTo,
} from "../../../lib/net/mdns/answers.ts";
import {
  addressRecord,
  describeRecord,
  question,
} from "../../support/mdns_messages.ts";

const HOST = "lab.local";
const A1 = addressRecord(HOST, "10.0.0.1");
const A2 = addressRecord(HOST, "10.0.0.2");
const V6 = addressRecord(HOST, "fd77::1");

Deno.test("answersTo() answers a question once that is asked twice", () => {
  const index = new AnswerIndex([A1, A2, V6]);
  const asked = question(HOST, DnsType.A);
  const again = question(HOST.toUpperCase(), DnsType.A);
  assert.deepEqual(answersTo([asked, again, asked], index), [A1, A2]);
  const any = question(HOST, DnsType.ANY);
  assert.deepEqual(answersTo([any, asked], index), [A1, A2, V6]);
});

Deno.test("answersTo() says what there is of a name, when what is asked is not there", () => {
  const index = new AnswerIndex([A1, V6]);
  const answers = answersTo([question(HOST, DnsType.SRV)], index);
  assert.deepEqual(answers.map(describeRecord), [
    `NSEC ${HOST} A+AAAA 120 flush`,
  ]);
  assert.deepEqual(answersTo([question("other.local", DnsType.A)], index), []);
});

Deno.test("additionalsTo() gives the other family's addresses, or says there are none", () => {
  assert.deepEqual(additionalsTo([A1], new AnswerIndex([A1, V6])), [V6]);
  const [none] = additionalsTo([A1], new AnswerIndex([A1]));
  assert.equal(none && describeRecord(none), `NSEC ${HOST} A 120 flush`);
});
