import type * as document from "../manifest/refusal.ts";

/** Why no manifest came from a candidate, for programs. */
export type NoManifestCode =
  /** Its URL is not http or https. */
  | "scheme"
  /** It leads to another host, or in a circle. */
  | "redirect"
  /** It answered with another status than 200. */
  | "status"
  /** It did not answer, or not in HTTP. */
  | "unreachable"
  /** Its answer took too long, or there was none. */
  | "slow"
  /** Its answer broke off. */
  | "truncated";

/** Why a candidate is not taken, for programs. */
export type CandidateRefusalCode =
  /** What it answered is not accepted. */
  | document.RefusalCode
  | NoManifestCode;

/** Why a candidate is not taken. */
export type CandidateRefusal = document.Refusal<CandidateRefusalCode>;

/** A candidate that was not taken. */
export interface RefusedCandidate {
  /** As it was advertised. */
  readonly manifestUrl: URL;
  /** Whether it is a further address of a provider. @default {false} */
  readonly isOtherAddress?: boolean;
  /** Why. */
  readonly refusal: CandidateRefusal;
}

/** Whether it may pass: a provider may be busy, or just restarting. */
const PASSES: Readonly<Record<NoManifestCode, boolean>> = {
  scheme: false,
  redirect: false,
  status: true,
  unreachable: true,
  slow: true,
  truncated: true,
};

function hasNoManifest(code: CandidateRefusalCode): code is NoManifestCode {
  return Object.hasOwn(PASSES, code);
}

/** Whether a manifest came, and was refused. */
export function isRefusedManifest({ code }: CandidateRefusal): boolean {
  return !hasNoManifest(code);
}

/** Whether asking the same provider again may help: it may be busy. */
export function mayPass({ code }: CandidateRefusal): boolean {
  return hasNoManifest(code) && PASSES[code];
}
