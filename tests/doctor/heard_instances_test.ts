import assert from "node:assert/strict";
import { HeardInstances } from "../../lib/doctor/heard_instances.ts";

const SERVICE = "_phase-image._tcp.local";
const NAME = `phase-stable-arm64-lab.${SERVICE}`;
const HOST = "phase-lab.local";
const TXT = [new TextEncoder().encode("channel=stable")];

const PTR = { name: SERVICE, type: "PTR", ttl: 4500, data: NAME };
const SRV = {
  name: NAME,
  type: "SRV",
  ttl: 120,
  data: { priority: 0, weight: 0, port: 8080, target: HOST },
};

Deno.test("HeardInstances puts records together in whatever order and case they come", () => {
  const known = new HeardInstances();
  known.add(
    [{ name: HOST, type: "A", ttl: 120, data: "10.0.0.1" }],
    "10.0.0.1",
  );
  known.add(
    [{ name: NAME.toUpperCase(), type: "TXT", ttl: 4500, data: TXT }],
    "10.0.0.1",
  );
  assert.deepEqual(known.instances(), []);
  known.add([SRV, PTR], "10.0.0.1");
  known.add([{ name: HOST, type: "AAAA", ttl: 120, data: "fd77::1" }], "x");
  assert.deepEqual(known.instances(), [{
    name: NAME,
    source: "10.0.0.1",
    txt: TXT,
    host: HOST,
    port: 8080,
    addresses: ["10.0.0.1", "fd77::1"],
  }]);
});

Deno.test("HeardInstances asks for what is missing, a few at a time", () => {
  const known = new HeardInstances();
  assert.deepEqual(known.questions(), [{ name: SERVICE, type: "PTR" }]);
  known.add([PTR], "10.0.0.1");
  assert.deepEqual(known.questions().slice(1), [
    { name: NAME, type: "SRV" },
    { name: NAME, type: "TXT" },
  ]);
  known.add([SRV, { name: NAME, type: "TXT", data: TXT }], "10.0.0.1");
  assert.deepEqual(known.questions().slice(1), [
    { name: HOST, type: "A" },
    { name: HOST, type: "AAAA" },
  ]);
  known.add([{ name: HOST, type: "A", data: "10.0.0.1" }], "10.0.0.1");
  assert.equal(known.questions().length, 1);
  for (let i = 0; i < 100; i++) {
    known.add([{ ...PTR, data: `${i}.${SERVICE}` }], "10.0.0.2");
  }
  assert.equal(known.questions().length, 21);
});

Deno.test("HeardInstances takes no goodbye, no other service and no malformed data", () => {
  const known = new HeardInstances();
  known.add([
    { ...PTR, ttl: 0 },
    { ...PTR, name: "_ipp._tcp.local" },
    { ...PTR, data: 5 },
    { ...PTR, data: undefined },
    { ...SRV, data: { port: "8080", target: HOST } },
    { ...SRV, data: null },
    { ...SRV, data: { port: 8080 } },
    { name: HOST, type: "A", data: { a: 1 } },
  ], "10.0.0.1");
  assert.equal(known.count, 0);
  known.add([PTR, { name: NAME, type: "TXT", data: ["text", 7] }], "10.0.0.1");
  assert.deepEqual(known.instances()[0]?.txt, []);
});

Deno.test("HeardInstances keeps a flood in bounds", () => {
  const known = new HeardInstances();
  for (let i = 0; i < 200; i++) {
    known.add(
      Array.from({ length: 200 }, (_, j) => ({
        ...{ name: `${i}-${j}.local`, type: "A", ttl: 120 },
        data: "10.0.0.1",
      })),
      "10.0.0.1",
    );
  }
  for (let i = 0; i < 10_000; i++) {
    const data = `10.0.${i >> 8}.${i & 255}`;
    known.add([{ name: "0-0.local", type: "A", data }], "10.0.0.1");
  }
  assert.equal(known.count, 20_000);
});
