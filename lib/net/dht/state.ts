import { decodeBase64 } from "../../core/base64.ts";
import { type Clock, sleep } from "../../core/clock.ts";
import { checkMultiaddr } from "../../core/multiaddr_text.ts";
import { messageOf } from "../../core/printable.ts";
import { propertyOf } from "../../core/property_of.ts";
import { ok, refuse } from "../../core/result.ts";
import { readStateFile, type StateFile } from "../../core/state_file.ts";

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
const SAVE_INTERVAL_MS = 60_000;
const EMPTY_STATE: DhtState = { peers: [], records: [] };
/** More are known to the network anyway. */
const MAX_PEERS = 200;

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
    loss: "the DHT is joined anew",
    decode(text) {
      const state = decodeDhtState(text);
      return state === undefined ? refuse("it is damaged") : ok(state);
    },
  });
  return state ?? EMPTY_STATE;
}

/** Writes the state each minute and when the signal aborts. */
export async function keepDhtState(
  { fileSystem, path, logger }: StateFile,
  { current, clock, signal }: {
    readonly current: () => Promise<DhtState>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let saved = "";
  let hasWarned = false;
  const save = async () => {
    try {
      const text = encodeDhtState(await current());
      if (text === saved) return;
      const bytes = new TextEncoder().encode(text);
      await fileSystem.writeAtomically(path, bytes, { mode: 0o600 });
      saved = text;
      hasWarned = false;
    } catch (error) {
      if (!hasWarned) {
        logger.warn(
          `Cannot keep the DHT peers for the next start: ${messageOf(error)}`,
        );
      }
      hasWarned = true;
    }
  };
  while (!signal.aborted) {
    try {
      await sleep(clock, SAVE_INTERVAL_MS, { signal });
    } catch {
      // Aborted: saved a last time below.
    }
    await save();
  }
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
