/**
 * Every kind of finding. Programs and links rely on the names: each has a
 * section in `docs/troubleshooting.md`.
 */
export const FINDING_CODES = [
  "address_off_link",
  "artifacts_unreadable",
  "clock_off",
  "clock_unset",
  "descriptors_low",
  "dht_alone",
  "dht_not_found",
  "dht_not_joined",
  "dht_unreachable",
  "disk_full",
  "expired",
  "expires_soon",
  "http_blocked",
  "http_bound_elsewhere",
  "http_no_answer",
  "identity_copied",
  "image_not_offered",
  "image_unreadable",
  "inotify_low",
  "kernel_of_other_arch",
  "key_unusable",
  "mdns_port_held",
  "multicast_dropped",
  "multicast_not_sent",
  "no_lan_address",
  "no_provider",
  "no_such_address",
  "no_such_interface",
  "not_announced",
  "not_heard",
  "nothing_advertised",
  "nothing_served",
  "port_forbidden",
  "port_taken",
  "pxe_loaders_missing",
  "signer_not_trusted",
  "state_in_use",
  "state_open_to_others",
  "state_unwritable",
  "trust_not_served",
  "url_no_answer",
] as const;

/** The kind of a finding, for programs. */
export type FindingCode = typeof FINDING_CODES[number];

/** Something that keeps clients from an image, or will. */
export interface Finding {
  /** The kind. */
  readonly code: FindingCode;
  /** The links, addresses, URLs or files that it is about. */
  readonly where: readonly string[];
  /** What was seen, and what that means: clauses. */
  readonly cause: string;
  /** What to do about it: clauses. */
  readonly nextStep: string;
}

/** Where the documentation explains a finding. */
export function pageOf(code: FindingCode): string {
  return `docs/troubleshooting.md#${code}`;
}
