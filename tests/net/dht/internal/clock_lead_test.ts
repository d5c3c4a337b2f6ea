import assert from "node:assert/strict";
import { systemClock as clock } from "../../../../lib/core/clock.ts";
import { middle } from "../../../../lib/net/dht/internal/clock_lead.ts";
import { bootRecordKey } from "../../../../lib/wire/boot_record.ts";
import { IMAGE } from "../../../support/dht_images.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited as signal,
} from "../../../support/dht_nodes.ts";

const HOUR_MS = 3_600_000;

libp2pTest(
  "a node learns how far its clock is from those of others",
  async () => {
    await using other = await openTestNode();
    for (const leadMs of [HOUR_MS, -HOUR_MS, 0]) {
      await using node = await openTestNode({
        bootstrap: other.addresses(),
        clock: { ...clock, now: () => clock.now() + leadMs },
      });
      const key = bootRecordKey(IMAGE);
      await eventually(async () => {
        await node.publish(key, new Uint8Array(), { ttlSeconds: 60, signal });
        const look = await node.lookFromOutside(key, {
          isOwn: () => false,
          signal,
        });
        if (look.kind !== "found") return false;
        const { clockLeadMs = NaN } = look;
        assert.ok(Math.abs(clockLeadMs - leadMs) < 10_000, `${clockLeadMs}`);
        return true;
      }, "it is found");
    }
  },
);

Deno.test("middle() follows no minority, and of two the one that changes less", () => {
  assert.equal(middle([]), undefined);
  assert.equal(middle([HOUR_MS]), HOUR_MS);
  assert.equal(middle([HOUR_MS, 5]), 5);
  assert.equal(middle([HOUR_MS, 5, -HOUR_MS]), HOUR_MS);
  assert.equal(middle([-HOUR_MS, 5, -7]), -7);
});
