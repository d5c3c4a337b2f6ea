import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { equals } from "uint8arrays/equals";
import { BoundedMap } from "../../../core/bounded_map.ts";
import { type Clock, deadline } from "../../../core/clock.ts";
import { hostOf, multiaddrText } from "./addresses.ts";
import {
  decodeDialBack,
  decodeDialRequest,
  decodeDialResponse,
  DIAL_BACK_PROTOCOL,
  DIAL_BACK_RESPONSE,
  DIAL_REQUEST_PROTOCOL,
  DialAnswer,
  type DialResponse,
  DialStatus,
  encodeDialBack,
  encodeDialRequest,
  encodeDialResponse,
  type Nonce,
} from "./autonat_message.ts";

/** What is needed of libp2p. */
export type DialBackNode = Pick<Libp2p, "dial" | "handle">;

/** What the parts of dialling back share. */
export interface DialBackOptions {
  /** Bounds each of them, and how often a host is dialled. */
  readonly clock: Clock;
  /** Ends them. */
  readonly signal: AbortSignal;
}

/** Nothing of AutoNAT is longer, but the data that we neither want nor send. */
const MAX_MESSAGE_BYTES = 8192;
/** A firewall that drops what comes makes the other node wait so long. */
const DIAL_TIMEOUT_MS = 5000;
/** The same, with the way there and back. */
const REQUEST_TIMEOUT_MS = 10_000;
/** One host has others dialled no more often. */
const HOST_GAP_MS = 10_000;
/** All hosts together. */
const ANY_GAP_MS = 200;
const MAX_HOSTS = 1024;
const NONCE_BYTES = 8;

/**
 * Dials back nodes that ask for it, only at the address that they ask from, so
 * that no stranger can be made a target, and at a limited rate.
 */
export async function serveDialBack(
  node: DialBackNode,
  options: DialBackOptions,
): Promise<void> {
  const isTooOften = limitRate(options.clock);
  await node.handle(DIAL_REQUEST_PROTOCOL, async (stream, connection) => {
    try {
      await answer(node, stream, connection, isTooOften, options);
    } catch {
      stream.abort(new Error("no request to be dialled"));
    }
  });
}

async function answer(
  node: DialBackNode,
  stream: Stream,
  connection: Connection,
  isTooOften: (host: string) => boolean,
  { clock, signal }: DialBackOptions,
): Promise<void> {
  using limit = deadline(clock, REQUEST_TIMEOUT_MS, { signal });
  const messages = lpStream(stream, { maxDataLength: MAX_MESSAGE_BYTES });
  const bytes = (await messages.read(limit)).subarray();
  const request = decodeDialRequest(new Uint8Array(bytes));
  if (request === undefined) throw new Error("malformed");
  const host = hostOf(connection.remoteAddr);
  const addresses = request.addresses.map(multiaddrText);
  const at = addresses.findIndex((text) =>
    text !== undefined && text.split("/")[2] === host
  );
  const address = addresses[at];
  const respond = (response: DialResponse) =>
    messages.write(encodeDialResponse(response, Math.max(0, at)), limit);
  if (address === undefined) {
    const answer = DialAnswer.refused;
    return await respond({ answer, status: DialStatus.unused });
  }
  if (isTooOften(host)) {
    const answer = DialAnswer.rejected;
    return await respond({ answer, status: DialStatus.unused });
  }
  const to = multiaddr(`${address}/p2p/${connection.remotePeer}`);
  const status = await dialBack(node, to, request.nonce, { clock, signal });
  await respond({ answer: DialAnswer.dialled, status });
  await stream.close(limit);
}

/** @returns one of `DialStatus` */
async function dialBack(
  node: DialBackNode,
  to: Multiaddr,
  nonce: Nonce,
  { clock, signal }: DialBackOptions,
): Promise<number> {
  using limit = deadline(clock, DIAL_TIMEOUT_MS, { signal });
  let connection: Connection;
  try {
    connection = await node.dial(to, { signal: limit.signal, force: true });
  } catch {
    return DialStatus.dialError;
  }
  try {
    const stream = await connection.newStream(DIAL_BACK_PROTOCOL, limit);
    const messages = lpStream(stream, { maxDataLength: MAX_MESSAGE_BYTES });
    await messages.write(encodeDialBack(nonce), limit);
    await messages.read(limit);
    return DialStatus.ok;
  } catch {
    return DialStatus.dialBackError;
  } finally {
    connection.close(limit).catch(() => {
      // It is of no use any more, however it ends.
    });
  }
}

/** Asks one node after another to dial this one. */
export class DialBackAsker {
  readonly #options: DialBackOptions;
  /** The nonces of open requests. */
  readonly #nonces = new Set<Nonce>();
  /** Those that came back over a connection from the other node. */
  readonly #told = new Set<Nonce>();

  constructor(options: DialBackOptions) {
    this.#options = options;
  }

  /** Takes what others say over the connections that they open. */
  async listen(node: DialBackNode): Promise<void> {
    await node.handle(DIAL_BACK_PROTOCOL, async (stream) => {
      const { clock, signal } = this.#options;
      using limit = deadline(clock, REQUEST_TIMEOUT_MS, { signal });
      try {
        const messages = lpStream(stream, { maxDataLength: MAX_MESSAGE_BYTES });
        const bytes = (await messages.read(limit)).subarray();
        const told = decodeDialBack(new Uint8Array(bytes));
        for (const nonce of this.#nonces) {
          if (told !== undefined && equals(nonce, told)) this.#told.add(nonce);
        }
        await messages.write(DIAL_BACK_RESPONSE, limit);
        await stream.close(limit);
      } catch {
        stream.abort(new Error("no dialling back"));
      }
    });
  }

  /**
   * Asks the node at the other end of a connection to dial back.
   *
   * @param addresses of this node, without peer id
   * @returns whether it reaches one of them; undefined where it cannot tell
   */
  async ask(
    connection: Pick<Connection, "newStream">,
    addresses: readonly Multiaddr[],
  ): Promise<boolean | undefined> {
    const { clock, signal } = this.#options;
    using limit = deadline(clock, REQUEST_TIMEOUT_MS, { signal });
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    this.#nonces.add(nonce);
    try {
      const stream = await connection.newStream(DIAL_REQUEST_PROTOCOL, limit);
      const messages = lpStream(stream, { maxDataLength: MAX_MESSAGE_BYTES });
      const request = { addresses: addresses.map(({ bytes }) => bytes), nonce };
      await messages.write(encodeDialRequest(request), limit);
      const bytes = (await messages.read(limit)).subarray();
      stream.abort(new Error("answered"));
      const response = decodeDialResponse(new Uint8Array(bytes));
      if (response?.answer !== DialAnswer.dialled) return undefined;
      // It must have been here, whatever it says.
      if (response.status === DialStatus.ok && this.#told.has(nonce)) {
        return true;
      }
      return response.status === DialStatus.dialError ? false : undefined;
    } catch {
      return undefined; // it does not speak AutoNAT, or no more
    } finally {
      this.#nonces.delete(nonce);
      this.#told.delete(nonce);
    }
  }
}

/** @returns whether a host has to wait, which it is told at each call */
function limitRate(clock: Clock): (host: string) => boolean {
  const lastByHost = new BoundedMap<string, number>(
    MAX_HOSTS,
    "forget oldest",
  );
  let lastMs = -Infinity;
  return (host) => {
    const now = clock.monotonic();
    const isTooOften = now < lastMs + ANY_GAP_MS ||
      now < (lastByHost.get(host) ?? -Infinity) + HOST_GAP_MS;
    if (isTooOften) return true;
    lastMs = now;
    lastByHost.set(host, now);
    return false;
  };
}
