import { join } from "node:path";
import { ExitCode } from "../core/exit_code.ts";
import { jsonLine } from "../core/printable.ts";
import type { Discovered } from "../discover/discovery.ts";
import type { Provider } from "../discover/provider.ts";
import { providerObject, refusedObject } from "../discover/report.ts";
import type { Report } from "../discover/report.ts";
import { type ByProducts, initrdPaths } from "../fetch/by_products.ts";
import type { FetchedImage, FetchFailure } from "../fetch/fetch_image.ts";
import type { WantedFile } from "../fetch/wanted_files.ts";

/** What was to be fetched, and how to report it. */
export interface FetchReportOptions {
  /** Whose manifest was verified. */
  readonly provider: Provider;
  /** Candidates that were not taken. */
  readonly refused: Discovered["refused"];
  /** Where the image is, or was to be; absolute. */
  readonly directory: string;
  /** Whether no key was named that has to have signed it. */
  readonly insecure: boolean;
  /** `text`: lines for a shell; `json`: one object. */
  readonly format: "text" | "json";
  /** The directory alone, in place of the lines for a shell. */
  readonly quiet: boolean;
}

/** An image that was fetched, and what it took. */
export interface FetchedParts {
  /** What `fetchImage()` gave. */
  readonly image: FetchedImage;
  readonly wanted: readonly WantedFile[];
  /** The files made beside them. */
  readonly made: ByProducts;
  /** The duration of the fetch. */
  readonly seconds: number;
}

/** Says where the files of an image are. */
export function reportFetched(
  { image, wanted, made, seconds }: FetchedParts,
  options: FetchReportOptions,
): Report {
  const { provider, directory, insecure, format, quiet } = options;
  const place = (path: string) => join(directory, path);
  const of = (role: WantedFile["role"]) =>
    wanted.filter((file) => file.role === role)
      .map(({ artifact }) => place(artifact.filename));
  const [only, ...others] = of("dtb").filter((path) => /\.dtb$/.test(path));
  const boot = {
    kernel: of("kernel")[0],
    initrd: made.initrd === undefined
      ? onlyInitrd(provider, of("initramfs"))
      : place(made.initrd),
    rootfs: of("rootfs")[0],
    // With several, the right one is not known.
    dtb: others.length === 0 ? only : undefined,
    cmdlineFile: made.cmdline && place(made.cmdline),
  };
  const stdout = quiet ? [directory] : format === "text"
    ? shellLines({
      MANIFEST_URL: provider.candidate.manifestUrl.href,
      VERSION: provider.manifest.version,
      DIRECTORY: directory,
      KERNEL: boot.kernel,
      INITRD: boot.initrd,
      ROOTFS: boot.rootfs,
      DTB: boot.dtb,
      CMDLINE_FILE: boot.cmdlineFile,
      INSECURE: insecure ? "1" : undefined,
    })
    : [jsonLine({
      ...commonObject(options, true),
      initrd: boot.initrd ?? null,
      cmdline_file: boot.cmdlineFile ?? null,
      files: wanted.map(({ role, artifact }) => ({
        path: artifact.filename,
        role,
        size: artifact.sizeBytes,
        sha256: artifact.sha256,
        file: place(artifact.filename),
      })),
      changed: image.isChanged,
      received_bytes: image.receivedBytes,
      seconds: Math.round(seconds * 1000) / 1000,
    })];
  return { stdout, messages: [], exitCode: ExitCode.done };
}

/** Says why an image that was found is not there. */
export function reportNotFetched(
  { kind, message }: Pick<FetchFailure, "message"> & { readonly kind: string },
  options: FetchReportOptions,
): Report {
  const stdout = options.format === "json"
    ? [jsonLine({
      error: message,
      reason: "not_fetched",
      cause: kind,
      ...commonObject(options, false),
    })]
    : [];
  return { stdout, messages: [message], exitCode: ExitCode.notFetched };
}

function commonObject(
  { provider, refused, directory, insecure }: FetchReportOptions,
  fetched: boolean,
): Record<string, unknown> {
  return {
    ...providerObject(provider),
    refused: refused.map(refusedObject),
    fetched,
    insecure,
    directory,
  };
}

/** Where there is no file of all of them, as the image has its own of that name. */
function onlyInitrd(
  { manifest }: Provider,
  fetched: readonly string[],
): string | undefined {
  return initrdPaths(manifest).length === 1 ? fetched[0] : undefined;
}

/**
 * Lines for `eval` or `.` in any POSIX shell. A variable without a value is
 * empty, and not what the environment says.
 */
function shellLines(
  variables: Readonly<Record<string, string | undefined>>,
): string[] {
  return Object.entries(variables)
    .map(([name, value = ""]) => `${name}=${quoted(value)}`);
}

/** Within single quotes nothing is special but a single quote. */
function quoted(value: string): string {
  return /^[\w@%+:,./=-]*$/.test(value)
    ? value
    : `'${value.replaceAll("'", "'\\''")}'`;
}
