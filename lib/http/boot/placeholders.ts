import { formatChannelArch } from "../../core/channel_arch.ts";
import type { Result } from "../../core/result.ts";
import { artifactNamed } from "../../manifest/artifact_paths.ts";
import { fillCmdline } from "../../manifest/fill_cmdline.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";

/**
 * Stands for the MAC address of the interface that a machine boots from. Only
 * the boot loader knows it: `kernel_arguments.ts` writes what it is there.
 */
export const MAC = "{mac}";

/**
 * The kernel command line of an image with its placeholders filled: `{url}` by
 * the image's directory at this provider (no trailing slash), `{sha256:NAME}`
 * by the digest of one of its files, named by role or path. `{mac}` and any
 * other braces stay as they are.
 *
 * @param providerUrl without a slash at the end
 */
export function filledCmdline(
  served: ServedImage,
  providerUrl: string,
): Result<string> {
  return fillCmdline(served.cmdline ?? "", {
    url: `${providerUrl}/${formatChannelArch(served.image)}`,
    find: (name) => artifactNamed(served.artifacts, name),
  });
}
