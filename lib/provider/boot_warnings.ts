import { formatChannelArch } from "../core/channel_arch.ts";
import { grubConfig, ipxeScript } from "../http/boot/boot_script.ts";
import type { ServedImage } from "../http/artifacts/image_catalog.ts";

/**
 * What a machine would be told only when it boots: that a boot script cannot
 * say the image's command line, which those who take it from the manifest can
 * use.
 */
export function bootWarnings(served: ServedImage): string[] {
  return [["boot.ipxe", ipxeScript(served)], ["grub.cfg", grubConfig(served)]]
    .flatMap(([file, script]) =>
      typeof script === "object" && !script.ok
        ? [
          `${script.reason}; ${
            formatChannelArch(served.image)
          }/${file} answers with this error, and everything else works`,
        ]
        : []
    );
}
