import { decodePacket, encodeData, encodeOptions } from "./packet.ts";

/** How a file is sent. */
export interface TransferTerms {
  /** The bytes of data in each packet but the last. */
  readonly blockBytes: number;
  /** How many packets may be under way. */
  readonly window: number;
  /** Until the first repetition; doubled for each further one. */
  readonly timeoutMs: number;
  /** Options to acknowledge; none: it requested none that are supported. */
  readonly accepted: readonly (readonly [name: string, value: number])[];
}

/** RFC 1350. */
const USUAL_BLOCK_BYTES = 512;
/** What fits into an Ethernet frame: fragments are what PXE ROMs cannot put together. */
const MAX_BLOCK_BYTES = 1468;
/** A burst of this many is within every receive buffer. */
const MAX_WINDOW = 32;
const TIMEOUT_MS = 1000;
/** A client that asks for more is given ours: it may be gone. */
const MAX_TIMEOUT_SECONDS = 5;
/** How often a packet is sent again. */
const MAX_REPEATS = 3;
/** A client may complain of each packet behind one that is missing. */
const REPEATED_AGAIN_MS = 200;

/**
 * Takes what is known of the options that a client asks for: blksize (RFC 2348),
 * timeout and tsize (RFC 2349), windowsize (RFC 7440). A server may answer with
 * less than was asked for, and leaves out what it does not take.
 */
export function transferTerms(
  asked: ReadonlyMap<string, string>,
  sizeBytes: number,
): TransferTerms {
  const accepted: [string, number][] = [];
  const take = (name: string, min: number, max: number, most: number) => {
    const text = asked.get(name) ?? "";
    const value = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
    if (value === undefined || value < min || value > max) return undefined;
    accepted.push([name, Math.min(value, most)]);
    return Math.min(value, most);
  };
  const blockBytes = take("blksize", 8, 65_464, MAX_BLOCK_BYTES);
  const window = take("windowsize", 1, 65_535, MAX_WINDOW);
  // It must be the client's own value.
  const timeout = take("timeout", 1, MAX_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS);
  if (asked.has("tsize")) accepted.push(["tsize", sizeBytes]);
  return {
    blockBytes: blockBytes ?? USUAL_BLOCK_BYTES,
    window: window ?? 1,
    timeoutMs: timeout === undefined ? TIMEOUT_MS : timeout * 1000,
    accepted,
  };
}

/**
 * One file on its way to one client: which packets are due, by what came back
 * and by the time. Acknowledgements of what is acknowledged already change
 * nothing but within a window (RFC 1123, section 4.2.3.1).
 */
export class Transfer {
  readonly #content: Uint8Array;
  readonly #terms: TransferTerms;
  /**
   * The number of the last block, which is shorter than the others, perhaps
   * empty.
   */
  readonly #lastBlock: number;
  /** Up to which block all is acknowledged; -1: the options are not. */
  #acknowledged: number;
  #sent = 0;
  #repeats = 0;
  #repeatedMs = -Infinity;
  #dueMs = 0;
  #state: "running" | "sent" | "aborted" | "lost" = "running";

  /** Nothing is sent yet: see {@linkcode Transfer.start}. */
  constructor(content: Uint8Array, terms: TransferTerms) {
    this.#content = content;
    this.#terms = terms;
    this.#lastBlock = Math.floor(content.length / terms.blockBytes) + 1;
    this.#acknowledged = terms.accepted.length > 0 ? -1 : 0;
  }

  /** `aborted`: by the client. `lost`: it does not answer any more. */
  get state(): "running" | "sent" | "aborted" | "lost" {
    return this.#state;
  }

  /** When `tick()` has to be called, on the clock of its argument. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** The first packets. */
  start(nowMs: number): Uint8Array[] {
    this.#dueMs = nowMs + this.#terms.timeoutMs;
    return this.#outstanding();
  }

  /** Takes in a packet of the client. */
  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    const packet = decodePacket(bytes);
    if (!packet.ok || this.#state !== "running") return [];
    switch (packet.value.kind) {
      case "error":
        this.#state = "aborted";
        return [];
      case "acknowledgement":
        return this.#acknowledge(packet.value.block, nowMs);
      default:
        return [];
    }
  }

  /** What is due at a time. */
  tick(nowMs: number): Uint8Array[] {
    if (this.#state !== "running" || nowMs < this.#dueMs) return [];
    if (this.#repeats === MAX_REPEATS) {
      this.#state = "lost";
      return [];
    }
    this.#repeats++;
    this.#dueMs = nowMs + this.#terms.timeoutMs * 2 ** this.#repeats;
    return this.#outstanding();
  }

  /** @param block its number on the wire, where they begin again after 65535 */
  #acknowledge(block: number, nowMs: number): Uint8Array[] {
    const { window, timeoutMs } = this.#terms;
    if (this.#acknowledged === -1) {
      if (block !== 0) return [];
      this.#acknowledged = 0;
    } else {
      const step = (block - this.#acknowledged) & 0xffff;
      if (step > this.#sent - this.#acknowledged) return [];
      if (step === 0) {
        // The first packet of a window is missing there (RFC 7440, section 4).
        const isDue = window > 1 &&
          nowMs - this.#repeatedMs >= REPEATED_AGAIN_MS;
        if (!isDue) return [];
        this.#repeatedMs = nowMs;
        return this.#outstanding();
      }
      this.#acknowledged += step;
    }
    this.#repeats = 0;
    this.#dueMs = nowMs + timeoutMs;
    if (this.#acknowledged < this.#lastBlock) return this.#outstanding();
    this.#state = "sent";
    return [];
  }

  /** All that may be under way and is not acknowledged. */
  #outstanding(): Uint8Array[] {
    const { blockBytes, window, accepted } = this.#terms;
    if (this.#acknowledged === -1) return [encodeOptions(accepted)];
    this.#sent = Math.min(this.#lastBlock, this.#acknowledged + window);
    const packets: Uint8Array[] = [];
    for (let block = this.#acknowledged + 1; block <= this.#sent; block++) {
      const begin = (block - 1) * blockBytes;
      packets.push(
        encodeData(block, this.#content.subarray(begin, begin + blockBytes)),
      );
    }
    return packets;
  }
}
