import type { ChannelArch } from "../core/channel_arch.ts";
import type { ScanSettings } from "./scan_available.ts";

/**
 * Which directory the settings look for a channel's images in.
 *
 * @returns undefined when they look for no such image
 */
export function imagePlace(
  { artifactsDir, channels, architectures, channelSettings }: ScanSettings,
  { channel, arch }: ChannelArch,
): string | undefined {
  const own = channelSettings?.get(channel);
  const wanted = own?.architectures ?? architectures;
  return channels?.includes(channel) === false ||
      wanted?.includes(arch) === false
    ? undefined
    : own?.artifactsDir ?? artifactsDir;
}
