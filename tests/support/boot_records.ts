import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { systemClock } from "../../lib/core/clock.ts";
import type { Identity } from "../../lib/net/dht/identity.ts";
import { type BootRecord, signBootRecord } from "../../lib/wire/boot_record.ts";

/**
 * What a provider says in the DHT of an image: signed by its key, and valid
 * for an hour from now on, but for the fields that are given.
 */
export function signedRecord(
  image: ChannelArch,
  by: Pick<Identity, "peerId" | "sign">,
  fields: Partial<BootRecord> = {},
): Promise<Uint8Array> {
  return signBootRecord(image, {
    url: "http://192.0.2.7/",
    peerId: by.peerId,
    lastUpdatedMs: systemClock.now(),
    version: "1",
    ttlSeconds: 3600,
    ...fields,
  }, by.sign);
}
