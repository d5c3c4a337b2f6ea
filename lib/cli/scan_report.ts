import { formatChannelArch, sameImage } from "../core/channel_arch.ts";
import type { RoleChoice } from "../scan/artifact_roles.ts";
import type { ImageFiles } from "../scan/image_files.ts";
import type { MissingImage, ScanResult } from "../scan/scan_available.ts";

/** More are counted only. */
const MAX_SHOWN_FILES = 10;

/**
 * What `plasmd scan` prints: a line for each image and, indented, which file
 * plays which role and why, and what was passed over; for an image that is
 * missing what its directory holds.
 */
export function scanText(
  { available, missing, choices }: ScanResult,
): string[] {
  return [
    ...available.flatMap((files) => {
      const made = choices.find(({ image }) => sameImage(image, files.image));
      return imageText(files, made?.choices ?? []);
    }),
    ...missing.flatMap(missingText),
  ];
}

function imageText(
  files: ImageFiles,
  choices: readonly RoleChoice[],
): string[] {
  const detail = (what: string, text: string) => `  ${what.padEnd(10)} ${text}`;
  const { image, kernel, dtbs, initrds } = files;
  return [
    `available  ${formatChannelArch(image)}  ${kernel.path}`,
    ...choices.flatMap(({ role, name, why, passedOver }) => [
      detail(role, name === undefined ? `none: ${why}` : `${name} (${why})`),
      ...passedOver.map((other) =>
        detail("", `not ${other.name}: it ${other.why}`)
      ),
    ]),
    ...initrds.length > 0 ? [detail("initrds", initrds.join(", "))] : [],
    ...dtbs.length > 0 ? [detail("dtbs", listed(dtbs))] : [],
    ...files.files.length > 0 ? [detail("files", listed(files.files))] : [],
    ...files.cmdline !== undefined ? [detail("cmdline", files.cmdline)] : [],
    ...files.version !== undefined ? [detail("version", files.version)] : [],
  ];
}

function missingText({ image, directory, unbootable }: MissingImage): string[] {
  return [
    `missing    ${formatChannelArch(image)}  ${directory}`,
    ...unbootable === undefined ? [] : [
      `  holds      ${shortened(unbootable.names, unbootable.count)}`,
      "  no file is named like a kernel; this image.toml may make it an image:",
      ...unbootable.suggestion.map((line) => `    ${line}`),
    ],
  ];
}

function listed(files: readonly { readonly filename: string }[]): string {
  return shortened(files.map(({ filename }) => filename), files.length);
}

function shortened(names: readonly string[], count: number): string {
  const shown = names.slice(0, MAX_SHOWN_FILES);
  const more = count - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** The same as one JSON document. */
export function scanDocument(
  { available, missing, choices, warnings }: ScanResult,
): object {
  return {
    available: available.map(({ image, directory, kernel, ...files }) => ({
      channel: image.channel,
      arch: image.arch,
      directory,
      kernel: kernel.filename,
      initramfs: files.initramfs?.filename ?? null,
      rootfs: files.rootfs?.filename ?? null,
      initrds: files.initrds,
      dtbs: files.dtbs.map(({ filename }) => filename),
      files: files.files.map(({ filename }) => filename),
      roles: choices.find((made) => sameImage(made.image, image))
        ?.choices.map(({ role, name, why, passedOver }) => ({
          role,
          file: name ?? null,
          why,
          passed_over: passedOver.map((other) => ({
            file: other.name,
            why: other.why,
          })),
        })) ?? [],
    })),
    missing: missing.map(({ image, directory, unbootable }) => ({
      channel: image.channel,
      arch: image.arch,
      directory,
      ...unbootable !== undefined && {
        holds: unbootable.names,
        files: unbootable.count,
        image_toml: unbootable.suggestion,
      },
    })),
    warnings,
  };
}
