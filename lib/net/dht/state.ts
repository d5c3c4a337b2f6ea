import { decodeBase64 } from "../../core/base64.ts";
import type { Clock } from "../../core/clock.ts";
import { keepState } from "../../core/kept_state.ts";
import { checkMultiaddr } from "../../core/multiaddr_text.ts";
import { propertyOf } from "../../core/property_of.ts";
import { ok, refuse } from "../../core/result.ts";
import { readStateFile, type StateFile } from "../../core/state_file.ts";
import type { KadPeer } from "./contact.ts";

/** What a node has to know again after a restart. */
export interface DhtState {
  /** Multiaddrs with peer id of nodes that it knew. */
  readonly peers: readonly string[];
  /** Records it kept for others. */
  readonly records: readonly {
    /** The key as text. */
    readonly key: string;
    /** The value, to be validated again. */
    readonly value: Uint8Array;
    /** Whose share of the room it takes. */
    readonly origin: { readonly host: string; readonly peer: string };
  }[];
}

/** Counted up when a program before could not read it any more. */
const FORMAT = 1;
const EMPTY_STATE: DhtState = { peers: [], records: [] };
/** More are known to the network anyway. */
const MAX_PEERS = 200;

/** The state of a node that knows these peers and keeps these records. */
export function dhtState(
  peers: readonly KadPeer[],
  records: DhtState["records"],
): DhtState {
  return {
    peers: peers.flatMap(({ id, addresses }) =>
      addresses.slice(0, 1).map((address) => `${address}/p2p/${id}`)
    ),
    records,
  };
}

/** The state as JSON. */
export function encodeDhtState(state: DhtState): string {
  return JSON.stringify({
    format: FORMAT,
    peers: state.peers.slice(0, MAX_PEERS),
    records: state.records.map(({ key, value, origin }) => ({
      key,
      value: value.toBase64(),
      ...origin,
    })),
  });
}

/**
 * Reads what `encodeDhtState` wrote. What is malformed is left out: the state
 * is a help only, and a node that lacks it joins like a new one.
 *
 * @returns undefined when the text is no such state at all
 */
export function decodeDhtState(text: string): DhtState | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const peers = list(json, "peers").flatMap((peer) =>
    typeof peer === "string" && checkMultiaddr(peer).ok ? [peer] : []
  );
  const records = list(json, "records").flatMap((record) => {
    const key = propertyOf(record, "key");
    const value = propertyOf(record, "value");
    if (typeof key !== "string" || typeof value !== "string") return [];
    const bytes = decodeBase64(value);
    const origin = {
      host: textOf(record, "host"),
      peer: textOf(record, "peer"),
    };
    return bytes === undefined ? [] : [{ key, value: bytes, origin }];
  });
  return { peers: peers.slice(0, MAX_PEERS), records };
}

/**
 * The state of the last run; an empty one when there is none. A damaged one is
 * set aside with a warning.
 *
 * @throws UserError when a newer program has kept it
 */
export async function loadDhtState(
  file: StateFile,
): Promise<DhtState> {
  const state = await readStateFile(file, {
    format: FORMAT,
    loss: "the DHT is joined from scratch",
    decode(text) {
      const state = decodeDhtState(text);
      return state === undefined ? refuse("it is damaged") : ok(state);
    },
  });
  return state ?? EMPTY_STATE;
}

/** Writes the state each minute and when the signal aborts. */
export async function keepDhtState(
  file: StateFile,
  { current, ...options }: {
    readonly current: () => Promise<DhtState>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await keepState(file, {
    ...options,
    what: "the DHT peers",
    current: async () => encodeDhtState(await current()),
  });
}

/** Empty in the files of programs before, which did not keep it. */
function textOf(json: unknown, name: string): string {
  const value = propertyOf(json, name);
  return typeof value === "string" ? value : "";
}

function list(json: unknown, name: string): readonly unknown[] {
  const value = propertyOf(json, name);
  return Array.isArray(value) ? value : [];
}
