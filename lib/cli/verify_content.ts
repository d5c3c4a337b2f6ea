import { join } from "node:path";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { FileNotFoundError } from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { artifactsByRole } from "../manifest/boot_manifest.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import { readEnvelope } from "../manifest/verify_envelope.ts";
import type { Machine } from "../provider/machine.ts";
import {
  artifactFiles,
  fileIdentity,
  readContent,
  totalBytes,
} from "../scan/digest.ts";
import { decodeDigests } from "../scan/digest_file.ts";
import { HashProgress } from "../scan/hash_progress.ts";
import type { ArtifactFile, ImageFiles } from "../scan/image_files.ts";

/** A hash that a file is to have, and what says so. */
export interface PromisedHash {
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** A file. */
  readonly by: string;
}

/** What reading a file again has shown. */
export interface VerifiedFile {
  /** What it is part of. */
  readonly image: ChannelArch;
  /** Its path in the image's directory. */
  readonly filename: string;
  /** Where it was read. */
  readonly path: string;
  /**
   * `ok`: as promised. `differs`: not. `new`: nothing is known of it yet.
   * `unread`: it could not be read to its end.
   */
  readonly outcome: "ok" | "differs" | "new" | "unread";
  /** What it has. */
  readonly sha256?: string;
  /** What it is to have. */
  readonly expected?: PromisedHash;
  /** Why it could not be read. */
  readonly problem?: string;
}

/**
 * Reads every file of these images and holds it against what was promised: by
 * its owner's checksums or signed manifest; when a provider read it last; or in
 * the last manifest that a provider has signed. Writes nothing and needs no
 * lock, so that it works beside a running provider.
 *
 * @param stateDir of the provider
 */
export async function verifyContent(
  images: readonly ImageFiles[],
  stateDir: string,
  machine: Pick<Machine, "fileSystem" | "clock" | "logger" | "statusLine">,
  { signal }: { readonly signal: AbortSignal },
): Promise<VerifiedFile[]> {
  const { fileSystem } = machine;
  const digests = await knownDigests(join(stateDir, "digests.json"), machine);
  const all = images.flatMap((image) => artifactFiles(image));
  using progress = new HashProgress(totalBytes(all), machine);
  const onRead = (countBytes: number) => progress.add(countBytes);
  const verified: VerifiedFile[] = [];
  for (const files of images) {
    const { image, manifestPath, checksums } = files;
    const signed = await promisedBy(manifestPath, machine, { signal });
    const { channel, arch } = image;
    const path = join(stateDir, "manifests", channel, `${arch}.json`);
    const last = await promisedBy(path, machine, { signal });
    for (const file of artifactFiles(files)) {
      const { filename } = file;
      const listed = checksums?.sha256ByPath.get(filename);
      const expected = checksums !== undefined && listed !== undefined
        ? { sha256: listed, by: checksums.filename }
        : signed.get(filename) ?? digests.get(fileIdentity(file.info)) ??
          last.get(filename);
      verified.push({
        ...{ image, filename, path: file.path },
        ...await verify(file, expected, fileSystem, { onRead, signal }),
      });
    }
  }
  return verified;
}

async function verify(
  file: ArtifactFile,
  expected: PromisedHash | undefined,
  fileSystem: Machine["fileSystem"],
  options: Parameters<typeof readContent>[2],
): Promise<Pick<VerifiedFile, "outcome" | "sha256" | "expected" | "problem">> {
  try {
    const { sha256 } = await readContent(file, fileSystem, options);
    if (expected === undefined) return { outcome: "new", sha256 };
    const outcome = sha256 === expected.sha256 ? "ok" : "differs";
    return { outcome, sha256, expected };
  } catch (error) {
    options.signal.throwIfAborted();
    return { outcome: "unread", problem: messageOf(error) };
  }
}

/** By identity: the digests that were remembered. */
async function knownDigests(
  path: string,
  { fileSystem, logger }: Pick<Machine, "fileSystem" | "logger">,
): Promise<ReadonlyMap<string, PromisedHash>> {
  try {
    const digests = decodeDigests(await fileSystem.readText(path));
    if (digests.ok) {
      return new Map(
        [...digests.value.contents].map(([identity, { sha256 }]) =>
          [identity, { sha256, by: path }] as const
        ),
      );
    }
    logger.warn(`Cannot use "${path}": ${digests.reason}`);
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) logger.warn(messageOf(error));
  }
  return new Map();
}

/** By file name: what a manifest on disk promises, if there is one. */
async function promisedBy(
  path: string | undefined,
  { fileSystem, logger }: Pick<Machine, "fileSystem" | "logger">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, PromisedHash>> {
  if (path === undefined) return new Map();
  const bytes = await readEnvelopeFile(path, fileSystem, { signal });
  if (bytes === undefined) return new Map();
  const manifest = readEnvelope(bytes);
  if (!manifest.ok) {
    logger.warn(`Cannot use "${path}": ${manifest.reason.message}`);
    return new Map();
  }
  return new Map(
    [...artifactsByRole(manifest.value).values()]
      .map(({ filename, sha256 }) => [filename, { sha256, by: path }] as const),
  );
}

/**
 * What is wrong with some files, for people.
 *
 * @returns undefined when nothing is wrong
 */
export function verifyProblem(
  files: readonly VerifiedFile[],
): string | undefined {
  const count = files.filter(isWrong).length;
  if (count === 0) return undefined;
  return `${count} of ${files.length} files ${
    count === 1 ? "is" : "are"
  } not what was promised: restore the right content, or have a provider read the image again`;
}

/** A line for each file. */
export function verifyText(files: readonly VerifiedFile[]): string[] {
  return files.map(({ outcome, image, filename, ...rest }) => {
    const { sha256, expected, problem } = rest;
    const name = `${formatChannelArch(image)}/${filename}`;
    const line = `${outcome.padEnd(10)} ${name}`;
    if (outcome === "unread") return `${line}  ${problem}`;
    if (outcome !== "differs") return line;
    return `${line}  has sha256:${sha256}, but sha256:${expected?.sha256} by ${expected?.by}`;
  });
}

/** The same as members of a JSON document. */
export function verifyDocument(files: readonly VerifiedFile[]): object {
  const problem = verifyProblem(files);
  return {
    verified: files.map(({ image, filename, ...rest }) => ({
      channel: image.channel,
      arch: image.arch,
      file: filename,
      path: rest.path,
      outcome: rest.outcome,
      sha256: rest.sha256 ?? null,
      expected: rest.expected?.sha256 ?? null,
      expected_by: rest.expected?.by ?? null,
      ...rest.problem !== undefined && { problem: rest.problem },
    })),
    ...problem !== undefined && { error: problem },
  };
}

function isWrong({ outcome }: VerifiedFile): boolean {
  return outcome === "differs" || outcome === "unread";
}
