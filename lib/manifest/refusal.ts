/** Why a signed document is not accepted, for programs. */
export type RefusalCode =
  /** More than 1 MiB. */
  | "too_large"
  /** Not an envelope, or its content is not what it should be. */
  | "malformed"
  /** The signed bytes are not canonical JSON. */
  | "not_canonical"
  /** Members outside the signed bytes differ from those inside. */
  | "outer_differs"
  /** One key appears twice among the signatures. */
  | "duplicate_keyid"
  /** No signature at all. */
  | "unsigned"
  /** Signed, but by no trusted key. */
  | "unknown_key"
  /** Names a trusted key that has not made the signature. */
  | "bad_signature"
  /** Fewer trusted keys have signed than are asked for. */
  | "below_threshold"
  /** A manifest of another channel. */
  | "wrong_channel"
  /** A manifest of another architecture. */
  | "wrong_arch"
  /** The promise has ended. */
  | "expired"
  /** Created more than a day later than now. */
  | "from_the_future"
  /** Older than one that was accepted before. */
  | "rollback"
  /** It has the version that was accepted last, but other content. */
  | "other_content"
  /** The keys themselves are trusted no longer. */
  | "trust_expired"
  /** Not the next one in the succession of keys. */
  | "wrong_trust_version"
  /** A file is not what the manifest says. */
  | "artifact_differs";

/** Why something is not accepted: a signed document, unless told otherwise. */
export interface Refusal<Code extends string = RefusalCode> {
  /** For programs to act on. */
  readonly code: Code;
  /** For people: one clause, safe to print. */
  readonly message: string;
}
