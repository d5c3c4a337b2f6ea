import { refuseAs, type Result } from "../core/result.ts";
import { type Envelope, openEnvelope } from "./envelope.ts";
import type { Refusal } from "./refusal.ts";
import { checkSignatures, type TrustedKeys } from "./trusted_keys.ts";
import { parseTrustRoot, type TrustRoot } from "./trust_root.ts";

/** Where a provider serves the document with a number. */
export function trustPath(trustVersion: number): string {
  return `/trust/${trustVersion}.json`;
}

/**
 * How many documents of a succession a client follows in one run: more than
 * anybody makes in a lifetime, and few enough to be checked in seconds.
 */
export const MAX_FOLLOWED = 256;

/** Reads a trust document in its envelope, without checking signatures. */
export function readTrustEnvelope(
  bytes: Uint8Array,
): Result<TrustRoot, Refusal> {
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const root = parseTrustRoot(envelope.value.content);
  return root.ok ? root : refuseAs("malformed", root.reason);
}

/**
 * Decides whether a document succeeds the one trusted so far. Either may have
 * expired: an old client must still find its way to the newest keys, and only
 * those must be valid now. It takes enough signatures of the trusted document's
 * `successorKeys`, and enough of the new one's own (TUF specification, 5.3.4):
 * otherwise clients could follow to keys that no one holds, and be lost.
 *
 * @param bytes an envelope, untrusted
 */
export async function verifySuccessor(
  bytes: Uint8Array,
  current: TrustRoot,
): Promise<Result<TrustRoot, Refusal>> {
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const signedBy = await checkSignatures(envelope.value, current.successorKeys);
  if (!signedBy.ok) return signedBy;
  const next = await readHeldTrust(bytes);
  if (!next.ok) return next;
  const expected = current.trustVersion + 1;
  return next.value.trustVersion === expected ? next : refuseAs(
    "wrong_trust_version",
    `trust_version ${next.value.trustVersion}, not ${expected}`,
  );
}

/**
 * Reads a trust document that enough of its own `successorKeys` have signed,
 * without checking that it succeeds another.
 *
 * @param bytes an envelope, untrusted
 */
export async function readHeldTrust(
  bytes: Uint8Array,
): Promise<Result<TrustRoot, Refusal>> {
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const root = readTrustEnvelope(bytes);
  if (!root.ok) return root;
  const { threshold } = root.value.successorKeys;
  const count = await countSigners(envelope.value, root.value.successorKeys);
  return count >= threshold ? root : refuseAs(
    "below_threshold",
    `signed by ${count} of its own successor keys, not by ${threshold}`,
  );
}

/** How many of these keys have signed an envelope. */
export async function countSigners(
  envelope: Envelope,
  { keys }: TrustedKeys,
): Promise<number> {
  const signedBy = await checkSignatures(envelope, { keys, threshold: 1 });
  return signedBy.ok ? signedBy.value.length : 0;
}

/** Why a succession cannot be followed further. */
export interface TrustProblem {
  /** For programs to act on. */
  readonly code: string;
  /** For people: one clause, safe to print. */
  readonly message: string;
}

/** Fetches the trust document with a number; undefined: there is none. */
export type FetchTrust = (
  trustVersion: number,
  options: { readonly signal: AbortSignal },
) => Promise<Result<Uint8Array | undefined, TrustProblem>>;

/** How far a succession could be followed. */
export interface FollowedTrust {
  /** The newest document that verified, or the first one. */
  readonly root: TrustRoot;
  /** Why the next one was not accepted, or that it is unknown if there is one. */
  readonly refusal?: TrustProblem;
}

/**
 * Follows the succession of trust documents as far as it goes, and no further
 * than to the number `upTo`. A document
 * that does not verify ends it there, as if it did not exist: a provider that
 * serves such a document could as well have held it back.
 *
 * @throws what `fetch` throws, and the signal's reason
 */
export async function followTrust(
  start: TrustRoot,
  fetch: FetchTrust,
  { upTo, signal }: { readonly upTo: number; readonly signal: AbortSignal },
): Promise<FollowedTrust> {
  let root = start;
  while (root.trustVersion < upTo) {
    signal.throwIfAborted();
    const document = await fetch(root.trustVersion + 1, { signal });
    if (!document.ok) return { root, refusal: document.reason };
    if (document.value === undefined) return { root };
    const next = await verifySuccessor(document.value, root);
    if (!next.ok) return { root, refusal: next.reason };
    root = next.value;
  }
  return {
    root,
    refusal: {
      code: "wrong_trust_version",
      message: `more than ${MAX_FOLLOWED} documents to follow in one run`,
    },
  };
}
