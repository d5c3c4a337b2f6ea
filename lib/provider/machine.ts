import type { ProviderConfig } from "../config/provider_config.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import type { StatusLine } from "../core/status_line.ts";
import type { AskPassphrase } from "../manifest/signing_key.ts";

/** The machine a provider runs on. */
export interface Machine {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The time. */
  readonly clock: Clock;
  /** Where things are told. */
  readonly logger: Logger;
  /** Shows how long work gets on, where there is a terminal. */
  readonly statusLine?: StatusLine | undefined;
  /** The machine's host name. */
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

/** Where the settings come from that a running provider is to take. */
export interface ConfigSource {
  /**
   * Calls the listener with each new configuration that can be used, and waits
   * for it before the next. What it throws is said to the operator.
   *
   * @returns ends it
   */
  subscribe(listener: (config: ServeConfig) => Promise<void>): Disposable;
}
