import { formatChannelArch } from "../../core/channel_arch.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import { findArtifact } from "../artifacts/image_lookup.ts";

/**
 * Stands for the MAC address of the interface that a machine boots from. Only
 * the boot loader knows it: `kernel_arguments.ts` writes what it is there.
 */
export const MAC = "{mac}";

/**
 * The kernel command line of an image with what this provider knows in place of
 * placeholders: `{url}`, the image's directory here (no slash at the end), and
 * `{sha256:NAME}`, the digest of one of its files, by role or path. `{mac}`, and
 * braces that mean nothing here, stay as they are.
 *
 * @param providerUrl without a slash at the end
 */
export function filledCmdline(
  served: ServedImage,
  providerUrl: string,
): Result<string> {
  const unknown: string[] = [];
  const text = (served.cmdline ?? "").replaceAll(
    /\{(?:url|sha256:([^{}\s]+))\}/g,
    (placeholder, name: string | undefined) => {
      if (name === undefined) {
        return `${providerUrl}/${formatChannelArch(served.image)}`;
      }
      const found = findArtifact(served, name);
      if (found.ok) return found.value.artifact.sha256;
      unknown.push(placeholder);
      return placeholder;
    },
  );
  return unknown.length === 0
    ? ok(text)
    : refuse(`it holds ${unknown[0]}, and no file of the image is called so`);
}
