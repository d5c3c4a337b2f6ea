import assert from "node:assert/strict";
import { DnsType } from "../../../lib/net/dns/message.ts";
import { RecordCache } from "../../../lib/net/mdns/record_cache.ts";
import { addressRecord } from "../../support/mdns_messages.ts";

Deno.test("RecordCache forgets what is taken back, replaced or too old", () => {
  const cache = new RecordCache();
  const addresses = (nowMs: number) =>
    cache.find("LAB.local", DnsType.A, nowMs).map((r) => r.address);
  const shared = { cacheFlush: false };
  cache.add([addressRecord("lab.local", "10.0.0.1", shared)], 0);
  cache.add([addressRecord("lab.local", "10.0.0.2", shared)], 0);
  assert.deepEqual(addresses(119_999), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(addresses(120_000), []);
  cache.add([addressRecord("lab.local", "10.0.0.1", { ttlSeconds: 0 })], 1);
  cache.add([addressRecord("lab.local", "10.0.0.3")], 1);
  assert.deepEqual(addresses(2), ["10.0.0.3"]);
});

Deno.test("RecordCache keeps no more than 2000 records, the latest", () => {
  const cache = new RecordCache();
  const hostName = (i: number) => `host${i}.local`;
  for (let i = 0; i < 3000; i++) {
    cache.add([addressRecord(hostName(i), "10.0.0.1")], 0);
  }
  const held = (i: number) => cache.find(hostName(i), DnsType.A, 1).length;
  assert.deepEqual([held(999), held(1000), held(2999)], [0, 1, 1]);
});

Deno.test("RecordCache does not take what was told to us alone for known, nor for the end of what was told to all", () => {
  const cache = new RecordCache();
  const alone = { ttlSeconds: 10, cacheFlush: false };
  const known = (nowMs: number) =>
    cache.known("lab.local", nowMs).map((r) => r.ttlSeconds);
  const found = (nowMs: number) =>
    cache.find("lab.local", DnsType.A, nowMs).length;
  cache.add([addressRecord("lab.local", "10.0.0.1", alone)], 0);
  assert.deepEqual([known(1), found(9999), found(10_000)], [[], 1, 0]);
  cache.add([addressRecord("lab.local", "10.0.0.1")], 0);
  cache.add([addressRecord("lab.local", "10.0.0.1", alone)], 1000);
  assert.deepEqual([known(2000), found(20_000)], [[118], 1]);
});
