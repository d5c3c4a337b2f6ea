import assert from "node:assert/strict";
import {
  hostClaim,
  metaRecord,
  serviceClaim,
} from "../../../lib/net/mdns/service_claim.ts";
import { describeRecord } from "../../support/mdns_messages.ts";

const SERVICE = "_http._tcp.local";
const SUBTYPE = `_printer._sub.${SERVICE}`;
const INSTANCE = `x.${SERVICE}`;

Deno.test("metaRecord() answers the question which types there are", () => {
  assert.equal(
    describeRecord(metaRecord(SERVICE)),
    `PTR _services._dns-sd._udp.local ${SERVICE} 4500`,
  );
});

Deno.test("hostClaim() has an address record of either family for the name alone", () => {
  const claim = hostClaim("lab.local", ["10.0.0.1", "fd77::1"]);
  assert.deepEqual(claim.unique.map(describeRecord), [
    "A lab.local 10.0.0.1 120 flush",
    "AAAA lab.local fd77::1 120 flush",
  ]);
  assert.deepEqual([claim.name, claim.shared], ["lab.local", []]);
});

Deno.test("serviceClaim() says where the instance is, and shares the names it is listed under", () => {
  const claim = serviceClaim({
    instance: INSTANCE,
    listedUnder: [SERVICE, SUBTYPE],
    host: "lab.local",
    port: 80,
    txt: [new TextEncoder().encode("txtvers=1")],
  });
  assert.equal(claim.name, INSTANCE);
  assert.deepEqual(claim.unique.map(describeRecord), [
    `SRV ${INSTANCE} lab.local:80 120 flush`,
    `TXT ${INSTANCE} txtvers=1 4500 flush`,
  ]);
  assert.deepEqual(claim.shared.map(describeRecord), [
    `PTR ${SERVICE} ${INSTANCE} 4500`,
    `PTR ${SUBTYPE} ${INSTANCE} 4500`,
  ]);
});
