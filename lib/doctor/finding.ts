/** Something that keeps clients from an image. */
export interface Finding {
  /** The kind, for programs: such as `mdns_port_held`. */
  readonly code: string;
  /** The links, addresses or URLs that it holds for. */
  readonly where: readonly string[];
  /** What was seen, and what that means: clauses. */
  readonly cause: string;
  /** What to do about it: clauses. */
  readonly nextStep: string;
}
