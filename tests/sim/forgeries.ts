/** Values that no reader may take for an image's record. */
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { systemClock as clock } from "../../lib/core/clock.ts";
import { createIdentity, type Identity } from "../../lib/net/dht/identity.ts";
import { signedRecord } from "../support/boot_records.ts";

type Forge = (
  image: ChannelArch,
  attacker: Identity,
) => Uint8Array | Promise<Uint8Array>;

/** One of each kind, made with the attacker's own key where it is signed. */
export const FORGERIES: readonly Forge[] = [
  function garbage() {
    return crypto.getRandomValues(new Uint8Array(1000));
  },
  function huge() {
    return new TextEncoder().encode(`{"url":"${"x".repeat(1 << 20)}"}`);
  },
  function expired(image, attacker) {
    return record(image, attacker, { lastUpdatedMs: clock.now() - 7200_000 });
  },
  function ofTheFuture(image, attacker) {
    return record(image, attacker, { lastUpdatedMs: clock.now() + 400_000 });
  },
  function ofAnotherKey(image, attacker) {
    return record({ ...image, arch: "riscv64" }, attacker);
  },
  async function inAnothersName(image, attacker) {
    const victim = await createIdentity();
    return record(image, attacker, { peerId: victim.peerId });
  },
];

function record(
  image: ChannelArch,
  attacker: Identity,
  overrides: { lastUpdatedMs?: number; peerId?: string } = {},
): Promise<Uint8Array> {
  return signedRecord(image, attacker, {
    url: "http://127.0.0.1:1/forged/manifest.json",
    version: "9999",
    ...overrides,
  });
}
