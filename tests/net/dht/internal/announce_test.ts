import assert from "node:assert/strict";
import { systemClock as clock } from "../../../../lib/core/clock.ts";
import {
  createIdentity,
  type Identity,
} from "../../../../lib/net/dht/identity.ts";
import { bootRecordKey } from "../../../../lib/wire/boot_record.ts";
import { createBootRecordPolicy } from "../../../../lib/wire/boot_record_policy.ts";
import { signedRecord } from "../../../support/boot_records.ts";
import { IMAGE } from "../../../support/dht_images.ts";
import {
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../../support/dht_nodes.ts";

libp2pTest(
  "honest nodes refuse forged, expired and misplaced records",
  async () => {
    await using honest = await openTestNode();
    const attacker = await createIdentity();
    const victim = await createIdentity();
    // The attacker's node would keep anything.
    await using hostile = await openTestNode({
      identity: attacker,
      bootstrap: honest.addresses(),
      policy: {
        ...createBootRecordPolicy({ clock }),
        accept: () => Promise.resolve({ ok: true, value: undefined }),
        isBetter: () => false,
        expiresMs: () => Infinity,
      },
    });
    const record = (
      identity: Identity,
      overrides: { lastUpdatedMs?: number; url?: string; ttlSeconds?: number } =
        {},
      peerId = identity.peerId,
    ) =>
      signedRecord(IMAGE, identity, { peerId, version: "9999", ...overrides });
    const publish = (value: Uint8Array, key = bootRecordKey(IMAGE)) =>
      hostile.publish(key, value, { ttlSeconds: 3600, signal: unlimited });
    const text = (s: string) => new TextEncoder().encode(s);

    const forgeries: [string, Uint8Array, string?][] = [
      ["garbage", text("garbage")],
      ["huge", text(`"${"x".repeat(10_000)}"`)],
      ["of another peer", await record(attacker, {}, victim.peerId)],
      ["expired", await record(attacker, { lastUpdatedMs: 0 })],
      [
        "of the future",
        await record(attacker, { lastUpdatedMs: clock.now() + 400_000 }),
      ],
      ["for ever", await record(attacker, { ttlSeconds: 100_000_000 })],
      ["no web page", await record(attacker, { url: "file:///etc/passwd" })],
      [
        "of another image",
        await record(attacker),
        "/phase/testing/arm64/manifest",
      ],
      ["under no key", await record(attacker), "/phase/stable"],
      [
        "in no namespace",
        await record(attacker),
        "/other/stable/arm64/manifest",
      ],
    ];
    for (const [what, value, key] of forgeries) {
      const outcome = await publish(value, key);
      assert.equal(outcome.storedAt, 0, what);
      assert.equal(outcome.failures.length, 1, what);
    }
    // Signed by himself for himself it is a record like any other.
    assert.equal((await publish(await record(attacker))).storedAt, 1);
  },
);
