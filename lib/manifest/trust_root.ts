import type { Result } from "../core/result.ts";
import { nearest } from "../core/nearest.ts";
import {
  canonicalize,
  type JsonObject,
  type JsonValue,
} from "./canonical_json.ts";
import { type JsonReader, readJson } from "./json_reader.ts";
import { parsePublicKey } from "./public_key.ts";
import { formatTimestamp } from "./timestamp.ts";
import { type TrustedKeys, trustKeys } from "./trusted_keys.ts";

/**
 * The keys that a client trusts, as one numbered document. The first is shipped
 * with the client; the next number succeeds it once enough of its
 * `successorKeys` have signed, and enough of the next one's own, which proves
 * that someone holds them (TUF specification, 5.3.4). All signatures are in the
 * one list `signatures` of the envelope, at most 64, in any order.
 */
export interface TrustRoot {
  /** Counts the documents of one succession, from 1. */
  readonly trustVersion: number;
  /** The keys that may sign manifests. */
  readonly manifestKeys: TrustedKeys;
  /**
   * The keys that may sign the next document: some that can stay offline, or the
   * manifest keys where none are named.
   */
  readonly successorKeys: TrustedKeys;
  /** The lowest `manifest_version` that is accepted of any image. */
  readonly minimumVersion: number;
  /**
   * When a client stops to trust it, milliseconds since 1970; even then it
   * can be succeeded.
   */
  readonly expiresAtMs?: number;
}

const MEMBERS = [
  "trust_version",
  "keys",
  "threshold",
  "successor_keys",
  "successor_threshold",
  "minimum_version",
  "expires_at",
];

/**
 * Reads a trust document, from a file or from an envelope:
 *
 * - `keys`: hex, base64, key ids or PEM
 * - `threshold`: how many of them must sign, 1 unless given
 * - `trust_version`, `minimum_version`: 1 unless given
 * - `successor_keys`, `successor_threshold`: as keys and threshold unless given
 * - `expires_at`: never unless given
 *
 * Unknown members are refused: what a client does not understand here, it
 * would not enforce. Nor can a manifest pass for a trust document that way.
 */
export function parseTrustRoot(value: JsonValue): Result<TrustRoot> {
  return readJson(value, readTrustRoot);
}

/** The members of a trust document, each written out. */
export function trustRootContent(root: TrustRoot): JsonObject {
  const { manifestKeys, successorKeys, expiresAtMs } = root;
  return {
    trust_version: root.trustVersion,
    keys: [...manifestKeys.keys.keys()].sort(),
    threshold: manifestKeys.threshold,
    successor_keys: [...successorKeys.keys.keys()].sort(),
    successor_threshold: successorKeys.threshold,
    minimum_version: root.minimumVersion,
    ...(expiresAtMs !== undefined &&
      { expires_at: formatTimestamp(expiresAtMs) }),
  };
}

/** Whether both documents say the same. */
export function sameTrustRoot(a: TrustRoot, b: TrustRoot): boolean {
  return canonicalize(trustRootContent(a)) ===
    canonicalize(trustRootContent(b));
}

function readTrustRoot(reader: JsonReader): TrustRoot {
  for (const key of reader.keys()) {
    if (!MEMBERS.includes(key)) {
      const meant = nearest(key, MEMBERS);
      return reader.refuse(
        key,
        `a member of a trust file${meant ? `; did you mean ${meant}` : ""}`,
      );
    }
  }
  const manifestKeys = readKeys(reader, "keys", "threshold", 1);
  return {
    trustVersion: integerOr(reader, "trust_version", 1),
    manifestKeys,
    successorKeys: readKeys(
      reader,
      reader.has("successor_keys") ? "successor_keys" : "keys",
      "successor_threshold",
      manifestKeys.threshold,
    ),
    minimumVersion: integerOr(reader, "minimum_version", 1),
    ...(reader.has("expires_at") &&
      { expiresAtMs: reader.timeMs("expires_at") }),
  };
}

function readKeys(
  reader: JsonReader,
  keysMember: string,
  thresholdMember: string,
  defaultThreshold: number,
): TrustedKeys {
  const keys = reader.list(keysMember, 64).map((item, index) => {
    const key = parsePublicKey(typeof item === "string" ? item : "");
    return key.ok
      ? key.value
      : reader.refuse(`${keysMember}.${index}`, `usable: ${key.reason}`);
  });
  const trusted = trustKeys(
    keys,
    integerOr(reader, thresholdMember, defaultThreshold),
  );
  return trusted.ok
    ? trusted.value
    : reader.refuse(keysMember, `usable: ${trusted.reason}`);
}

function integerOr(reader: JsonReader, key: string, absent: number): number {
  return reader.has(key) ? reader.integer(key, 1) : absent;
}
