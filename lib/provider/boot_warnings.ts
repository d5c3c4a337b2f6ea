import { formatChannelArch } from "../core/channel_arch.ts";
import { grubConfig } from "../http/boot/grub.ts";
import { ipxeScript } from "../http/boot/ipxe.ts";
import type { ServedImage } from "../http/artifacts/image_catalog.ts";

/** Any address that a client may have connected to. */
const ANY_CLIENT = { providerUrl: "http://192.0.2.1:8080" };

/**
 * What a machine would otherwise learn only when it boots: that the image's
 * command line cannot be written in a boot script, though clients that read the
 * manifest can use it.
 */
export function bootWarnings(served: ServedImage): string[] {
  return [
    ["boot.ipxe", ipxeScript(served, ANY_CLIENT)],
    ["grub.cfg", grubConfig(served, ANY_CLIENT)],
  ].flatMap(([file, script]) =>
    typeof script === "object" && !script.ok
      ? [
        `${script.reason}; ${
          formatChannelArch(served.image)
        }/${file} answers with this error, and everything else works`,
      ]
      : []
  );
}
