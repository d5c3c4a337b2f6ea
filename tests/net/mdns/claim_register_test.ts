import assert from "node:assert/strict";
import {
  type Claim,
  ClaimRegister,
} from "../../../lib/net/mdns/claim_register.ts";
import { hostClaim } from "../../../lib/net/mdns/service_claim.ts";
import { addressRecord, describeRecord } from "../../support/mdns_messages.ts";
import {
  HOST,
  INSTANCE,
  instanceClaim,
} from "../../support/responder_bench.ts";

const HOST_CLAIM = hostClaim(HOST, ["10.0.0.1"]);
const THEIRS = addressRecord(HOST, "10.0.0.77");

/** A register with its time, and what it wanted to be sent as text. */
class Bench {
  nowMs = 0;
  readonly register = new ClaimRegister(() => 0.5);

  set(id: string, claim: Claim): this {
    this.register.set(id, claim, this.nowMs);
    return this;
  }

  /** Lets time pass, and tells what was taken. */
  pass(durationMs: number): string[] {
    const taken: string[] = [];
    const endMs = this.nowMs + durationMs;
    while (this.register.nextDueMs() <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.register.nextDueMs());
      const { probes, announcements, goodbyes, established } = this.register
        .take(this.nowMs);
      const tell = (what: string, names: readonly string[]) => {
        if (names.length > 0) {
          taken.push(`${this.nowMs} ${what} ${names.join(", ")}`);
        }
      };
      tell("probe", probes.map(({ name }) => name));
      tell("established", established);
      tell("announce", announcements.map(describeRecord));
      tell("goodbye", goodbyes.map(describeRecord));
    }
    this.nowMs = endMs;
    return taken;
  }
}

const A = `A ${HOST} 10.0.0.1 120 flush`;

Deno.test("ClaimRegister leads a claim from three probes to three announcements", () => {
  const bench = new Bench().set("host", HOST_CLAIM);
  assert.equal(bench.register.isEstablished("host"), false);
  assert.deepEqual(bench.pass(10_000), [
    `50 probe ${HOST}`,
    `300 probe ${HOST}`,
    `550 probe ${HOST}`,
    "800 established host",
    `800 announce ${A}`,
    `1800 announce ${A}`,
    `3800 announce ${A}`,
  ]);
  assert.equal(bench.register.isEstablished("host"), true);
  assert.deepEqual(bench.register.ids(), ["host"]);
  assert.equal(bench.register.nextDueMs(), Infinity);
});

Deno.test("ClaimRegister gives records to answer with once they are established, and counts each change", () => {
  const bench = new Bench().set("host", HOST_CLAIM);
  const { register } = bench;
  bench.pass(700);
  assert.deepEqual(register.records(), []);
  assert.equal(register.probed(HOST.toUpperCase()), HOST_CLAIM);
  const before = register.revision;
  bench.pass(200);
  assert.ok(register.revision > before);
  assert.deepEqual(register.records(), HOST_CLAIM.unique);
  assert.equal(register.probed(HOST), undefined);
});

Deno.test("ClaimRegister probes an established claim again that is contested, and gives it up when it is contested then", () => {
  const bench = new Bench().set("host", HOST_CLAIM);
  const { register } = bench;
  bench.pass(5000);
  assert.equal(register.contest(THEIRS, bench.nowMs), undefined);
  assert.deepEqual(register.records(), []);
  assert.deepEqual(register.oneShotRecords(), HOST_CLAIM.unique);
  assert.equal(register.contest(THEIRS, bench.nowMs), "host");
  assert.equal(register.contest(THEIRS, bench.nowMs), undefined, "lost once");
  assert.deepEqual(register.oneShotRecords(), []);
  assert.deepEqual(bench.pass(60_000), [], "it waits for another name");
});

Deno.test("ClaimRegister is not contested by another type of record of an established name, nor by other names", () => {
  const bench = new Bench().set("host", HOST_CLAIM);
  bench.pass(5000);
  const { register } = bench;
  register.contest(addressRecord(HOST, "fd77::77"), bench.nowMs);
  register.contest(addressRecord("other.local", "10.0.0.77"), bench.nowMs);
  assert.equal(register.isEstablished("host"), true);
});

Deno.test("ClaimRegister that gives way to another probe waits a second", () => {
  const bench = new Bench().set("host", HOST_CLAIM);
  bench.pass(100);
  bench.register.yieldTo(HOST, bench.nowMs);
  assert.deepEqual(bench.pass(1300), [
    `1100 probe ${HOST}`,
    `1350 probe ${HOST}`,
  ]);
});

Deno.test("ClaimRegister says goodbye twice to what was announced, less what is claimed again", () => {
  const bench = new Bench().set("x", instanceClaim({}));
  bench.pass(5000);
  const { register } = bench;
  const { shared } = instanceClaim({});
  const gone = shared.map((record) =>
    describeRecord({ ...record, ttlSeconds: 0 })
  ).join(", ");
  bench.set("x", instanceClaim({ instance: `y-${INSTANCE}` }));
  assert.deepEqual(bench.pass(40), [
    `5000 goodbye ${gone}`,
    `5030 goodbye ${gone}`,
  ]);

  register.remove("x", bench.nowMs);
  register.remove("x", bench.nowMs);
  assert.deepEqual(register.ids(), []);
  assert.deepEqual(bench.pass(1000), [], "it was never announced");
});

Deno.test("ClaimRegister announces a change at once, without another probe", () => {
  const bench = new Bench().set("host", HOST_CLAIM);
  bench.pass(5000);
  bench.set("host", HOST_CLAIM);
  assert.deepEqual(bench.pass(100), [], "nothing changed");
  bench.set("host", hostClaim(HOST, ["10.0.0.2"]));
  assert.deepEqual(bench.pass(100), [
    `5100 announce A ${HOST} 10.0.0.2 120 flush`,
  ]);
});

const RESERVED: Claim = { ...HOST_CLAIM, isReserved: true };

Deno.test("ClaimRegister only probes for a reserved name, and gives it up in silence", () => {
  const bench = new Bench().set("host", RESERVED);
  const { register } = bench;
  assert.deepEqual(bench.pass(60_000), [
    `50 probe ${HOST}`,
    `300 probe ${HOST}`,
    `550 probe ${HOST}`,
  ]);
  assert.equal(register.isEstablished("host"), false);
  assert.deepEqual(register.records(), []);
  assert.deepEqual(register.oneShotRecords(), []);
  register.announceAgain(bench.nowMs);
  register.remove("host", bench.nowMs);
  assert.deepEqual(bench.pass(60_000), []);
});

Deno.test("ClaimRegister announces what was reserved at once when it was probed for, else after its probes", () => {
  const late = new Bench().set("host", RESERVED);
  late.pass(5000);
  late.set("host", hostClaim(HOST, ["10.0.0.2"]));
  assert.deepEqual(late.pass(900), [
    "5000 established host",
    `5000 announce A ${HOST} 10.0.0.2 120 flush`,
  ]);

  const early = new Bench().set("host", RESERVED);
  early.pass(400);
  early.set("host", HOST_CLAIM);
  assert.deepEqual(early.pass(500), [
    `550 probe ${HOST}`,
    "800 established host",
    `800 announce ${A}`,
  ]);
});

Deno.test("ClaimRegister loses a reserved name as it loses one that it probes for", () => {
  const bench = new Bench().set("host", RESERVED);
  const { register } = bench;
  bench.pass(5000);
  assert.equal(register.probed(HOST), RESERVED);
  register.yieldTo(HOST, bench.nowMs);
  bench.set("host", HOST_CLAIM);
  assert.deepEqual(bench.pass(1300), [
    `6000 probe ${HOST}`,
    `6250 probe ${HOST}`,
  ], "not announced before it was probed for again");

  const contested = new Bench().set("host", RESERVED);
  contested.pass(5000);
  assert.equal(contested.register.contest(THEIRS, 5000), "host");
  contested.set("host", HOST_CLAIM);
  assert.deepEqual(contested.pass(5000), [], "it waits for another name");
});
