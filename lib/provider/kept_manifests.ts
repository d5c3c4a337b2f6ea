import { dirname, join } from "node:path";
import type { ChannelArch } from "../core/channel_arch.ts";
import { setAside } from "../core/state_file.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { openEnvelope } from "../manifest/envelope.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";

/** The last manifest of each image, across restarts: so versions rise. */
export class KeptManifests {
  readonly #directory: string;
  readonly #fileSystem: FileSystem;
  readonly #logger: Logger;
  /** By path: manifests that could not be written yet. */
  readonly #unwritten = new Map<string, Uint8Array<ArrayBuffer>>();
  #hasWarned = false;

  /**
   * Reads and writes nothing yet.
   *
   * @param stateDir below which they lie
   */
  constructor(
    { stateDir, fileSystem, logger }: {
      readonly stateDir: string;
      readonly fileSystem: FileSystem;
      readonly logger: Logger;
    },
  ) {
    this.#directory = join(stateDir, "manifests");
    this.#fileSystem = fileSystem;
    this.#logger = logger;
  }

  /** The envelope that was served last, if any; an empty file is none. */
  async find(
    image: ChannelArch,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#path(image);
    const bytes = this.#unwritten.get(path) ??
      await readEnvelopeFile(path, this.#fileSystem, { signal });
    return bytes?.length === 0 ? undefined : bytes;
  }

  /**
   * Keeps an envelope in place of the last one, which is set aside if it could
   * not be read.
   *
   * @param canWait whether it may be served before it is written
   * @throws what the disk says, when it cannot be written and must be
   */
  async keep(
    image: ChannelArch,
    bytes: Uint8Array<ArrayBuffer>,
    { previous, canWait }: {
      readonly previous: Uint8Array<ArrayBuffer> | undefined;
      readonly canWait: boolean;
    },
  ): Promise<void> {
    const path = this.#path(image);
    try {
      if (previous !== undefined && !openEnvelope(previous).ok) {
        const aside = await setAside(path, this.#fileSystem);
        this.#logger.warn(
          `Moved "${path}" to "${aside}", since it is damaged: a new manifest is made, with a version from the clock`,
        );
      }
      await this.#write(path, bytes);
    } catch (error) {
      if (!canWait) throw error;
      this.#unwritten.set(path, bytes);
      if (!this.#hasWarned) {
        this.#logger.warn(
          `${
            messageOf(error)
          }: the image is served all the same; a manifest that is not kept gets a higher version after a restart, though nothing has changed`,
        );
      }
      this.#hasWarned = true;
    }
  }

  /** Writes what could not be written before, as far as that is possible now. */
  async writeRest(): Promise<void> {
    for (const [path, bytes] of this.#unwritten) {
      try {
        await this.#write(path, bytes);
      } catch {
        return; // said when it began
      }
    }
    this.#hasWarned = false;
  }

  async #write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#fileSystem.makeDirectory(dirname(path), 0o755);
    await this.#fileSystem.writeAtomically(path, bytes, { mode: 0o644 });
    this.#unwritten.delete(path);
  }

  #path({ channel, arch }: ChannelArch): string {
    return join(this.#directory, channel, `${arch}.json`);
  }
}
