import type { Advertisement } from "../../lib/advertise/advertiser.ts";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";

/** `stable/arm64` as an image. */
export function imageOf(text: string): ChannelArch {
  const [channel = "", arch = ""] = text.split("/");
  return { channel, arch };
}

/** An image as it is handed to an advertiser. */
export function advertisementOf(
  text: string,
  version = "2026.1",
): Advertisement {
  return { image: imageOf(text), version };
}
