import type { ProviderConfig } from "../config/provider_config.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import type { StatusLine } from "../core/status_line.ts";
import type { ImageCatalog } from "../http/artifacts/image_catalog.ts";
import type { TrustDocuments } from "../http/artifacts/trust_document.ts";
import type { MirrorStatus } from "../http/status/provider_status.ts";
import type { AskPassphrase } from "../manifest/signing_key.ts";
import type { ServingNode } from "../net/dht/node.ts";

/** The machine a provider runs on. */
export interface Machine {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The time. */
  readonly clock: Clock;
  /** The program's log. */
  readonly logger: Logger;
  /** Shows how long work gets on, where there is a terminal. */
  readonly statusLine?: StatusLine | undefined;
  readonly hostName: string;
  /** Gets passphrases from a file, or where none is named from a person. */
  readonly passphraseFrom: (
    file: string | undefined,
    options: { readonly signal: AbortSignal },
  ) => AskPassphrase;
}

/** Settings with every default filled in. */
export type ServeConfig = ProviderConfig & {
  /** Keys and what must outlast a restart. */
  readonly stateDir: string;
};

/** What a provider gives to the mirror that fetches for it. */
export interface MirrorProvider {
  /** What is served at the moment, and handed on. */
  readonly library: Pick<ImageCatalog, "find"> & {
    /** The succession of trusted keys, by number. */
    trustDocuments(): TrustDocuments;
  };
  /** The port that HTTP listens on. */
  readonly httpPort: number;
  /** The node in the DHT, if that is on. */
  readonly node: Pick<ServingNode, "peerId" | "addresses"> | undefined;
}

/**
 * Keeps another owner's images up to date on disk, beside serving them; such a
 * provider signs nothing itself.
 */
export interface Mirroring {
  /** How each image stands. */
  status(): readonly MirrorStatus[];
  /** Goes on until the signal aborts; the images on disk are served by then. */
  run(
    provider: MirrorProvider,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
}

/** Where the settings come from that a running provider is to take. */
export interface ConfigSource {
  /**
   * Calls the listener with each usable new configuration, one after the other.
   * What it throws is logged.
   *
   * @returns ends it
   */
  subscribe(listener: (config: ServeConfig) => Promise<void>): Disposable;
}
