import assert from "node:assert/strict";
import { RequestCounts } from "../../../lib/http/status/request_counts.ts";

Deno.test("RequestCounts counts by method and status", () => {
  const counts = new RequestCounts();
  assert.deepEqual(counts.list(), []);
  counts.add("GET", 200);
  counts.add("HEAD", 200);
  counts.add("GET", 404);
  counts.add("GET", 200);
  assert.deepEqual(counts.list(), [
    { method: "GET", status: 200, count: 2 },
    { method: "HEAD", status: 200, count: 1 },
    { method: "GET", status: 404, count: 1 },
  ]);
});

Deno.test("RequestCounts keeps no method that a client made up", () => {
  const counts = new RequestCounts();
  for (let i = 0; i < 1000; i++) counts.add(`X${i}`, 405);
  counts.add("get", 405);
  assert.deepEqual(counts.list(), [
    { method: "other", status: 405, count: 1001 },
  ]);
});
