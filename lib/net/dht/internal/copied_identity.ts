import type { Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { type Clock, deadline, sleep } from "../../../core/clock.ts";
import { withoutPeerId } from "./addresses.ts";
import { openStranger, STRANGER_TIMEOUT_MS } from "./stranger.ts";

/** What a watch for copies needs. */
export interface CopyWatchOptions {
  /** The own node. */
  readonly own: Pick<Libp2p, "peerId" | "getConnections" | "getMultiaddrs">;
  /** Whether to dial no other machine. @default {false} */
  readonly loopbackOnly?: boolean | undefined;
  /**
   * Called when another machine was found to have the own identity.
   *
   * @default nobody
   */
  readonly onCopy?: (address: string) => void;
  /** Bounds dialling, and how often that is done. */
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Others may name any number of addresses. */
const MAX_DIALLED = 4;
const CHECK_GAP_MS = 30_000;
/** By then the own node has noticed an incoming connection. */
const ARRIVAL_MS = 500;

/**
 * Finds out whether another machine has this node's identity, as after a copy
 * of the state directory: others then reach either, and neither is told why.
 */
export class CopyWatch {
  readonly #options: CopyWatchOptions;
  #nextMs = -Infinity;
  #at: string | undefined;

  constructor(options: CopyWatchOptions) {
    this.#options = options;
  }

  /** Where another machine proved the own identity last, as a multiaddr. */
  get at(): string | undefined {
    return this.#at;
  }

  /**
   * Other nodes name these addresses as the own ones: those that are not are
   * dialled by a stranger, and not often.
   *
   * @param addresses untrusted, multiaddrs without peer id
   */
  async named(addresses: readonly string[]): Promise<void> {
    const { own, clock, onCopy, signal } = this.#options;
    const ours = own.getMultiaddrs().map(withoutPeerId);
    const strange = new Set(addresses).difference(new Set(ours));
    if (this.#at !== undefined) strange.add(this.#at);
    if (strange.size === 0 || clock.monotonic() < this.#nextMs) return;
    this.#nextMs = clock.monotonic() + CHECK_GAP_MS;
    const known = this.#at;
    try {
      this.#at = await this.#firstCopy([...strange].slice(-MAX_DIALLED));
    } catch {
      return; // aborted
    }
    if (signal.aborted || this.#at === undefined || known !== undefined) return;
    onCopy?.(this.#at);
  }

  async #firstCopy(addresses: readonly string[]): Promise<string | undefined> {
    const stranger = await openStranger(this.#options);
    try {
      for (const address of addresses) {
        if (await this.#isCopyAt(address, stranger)) return address;
      }
      return undefined;
    } finally {
      await stranger.stop();
    }
  }

  /**
   * The encrypted channel proves which peer answers; the own node knows whether
   * it was itself.
   */
  async #isCopyAt(address: string, stranger: Libp2p): Promise<boolean> {
    const { own, clock, signal } = this.#options;
    using limit = deadline(clock, STRANGER_TIMEOUT_MS, { signal });
    let connection;
    try {
      connection = await stranger.dial(
        multiaddr(`${address}/p2p/${own.peerId}`),
        { signal: limit.signal, force: true },
      );
    } catch {
      return false;
    }
    await sleep(clock, ARRIVAL_MS, { signal });
    const isHere = own.getConnections(stranger.peerId).length > 0;
    connection.abort(new Error("looked"));
    return !isHere;
  }
}
