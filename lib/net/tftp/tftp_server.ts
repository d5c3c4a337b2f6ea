import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/log.ts";

/** What a client asks for. */
export interface TftpRequest {
  /** As the client wrote it, without slashes at the beginning. */
  readonly name: string;
  /** Its IP address. */
  readonly client: string;
  /** The address of ours that it asked. */
  readonly local: string;
}

/** What a server works with. */
export interface TftpServerOptions {
  /** Our addresses to answer at: of links, not `0.0.0.0`. */
  readonly addresses: readonly string[];
  /** @default 69 */
  readonly port?: number;
  /** The content of a file; undefined: there is none. */
  readonly read: (request: TftpRequest) => Promise<Uint8Array | undefined>;
  /** Called when a file has been taken whole. */
  readonly onSent?: (request: TftpRequest) => void;
  /** For retransmissions. */
  readonly clock: Clock;
  /** Where trouble is told. */
  readonly logger: Logger;
}

/** A server, until it is disposed of. */
export interface TftpServer extends AsyncDisposable {
  /** Takes other addresses, as links come and go; transfers under way go on. */
  listenOn(addresses: readonly string[]): Promise<void>;
}
