import assert from "node:assert/strict";
import { DhtTrouble } from "../../lib/advertise/dht_trouble.ts";

Deno.test("DhtTrouble says once that it has begun, and once that it is over", () => {
  const trouble = new DhtTrouble();
  assert.equal(trouble.found(() => true), undefined, "there was none");
  assert.match(trouble.began("no peer") ?? "", /any more \(no peer\)/);
  assert.equal(trouble.began("no peer"), undefined);
  assert.equal(trouble.found(() => false), undefined, "of other images");
  assert.match(trouble.found(() => true) ?? "", /has peers now/);
  assert.equal(trouble.found(() => true), undefined);
  assert.match(new DhtTrouble().began("no peer") ?? "", /yet \(no peer\)/);
});
