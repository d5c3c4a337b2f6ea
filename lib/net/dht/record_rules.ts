import type { Result } from "../../core/result.ts";

/**
 * Decides which values a DHT node keeps. The node knows keys and bytes only;
 * what they mean is the policy's business.
 */
export interface RecordRules {
  /** The first part of the keys it decides on: `phase` of `/phase/...`. */
  readonly namespace: string;
  /**
   * Whether a value that came from the network is kept. May remember it, to
   * refuse an older one later.
   */
  accept(key: string, value: Uint8Array): Promise<Result<void>>;
  /** Whether to keep `value` rather than the accepted `other`. */
  isBetter(value: Uint8Array, other: Uint8Array): boolean;
  /** When an accepted value ends, milliseconds since 1970. */
  expiresMs(value: Uint8Array): number;
}
