import { ConfigError, UsageError } from "../core/errors.ts";
import type { TrustAnchor } from "../discover/client_trust.ts";
import { readPublicKeys } from "../manifest/read_public_keys.ts";
import { parseTrustRoot } from "../manifest/trust_root.ts";
import { trustKeys } from "../manifest/trusted_keys.ts";
import { disk } from "./disk.ts";

/** The parsed options that name trusted keys. */
export interface TrustValues {
  /** Keys, or where they are. */
  readonly key: readonly string[];
  /** How many of them must have signed. */
  readonly threshold: number;
  /** A file in TOML. */
  readonly trust: string | undefined;
}

/** The trust anchor that `--key`, `--threshold` and `--trust` name. */
export async function readAnchor(
  { key, threshold, trust }: TrustValues,
  { signal }: { readonly signal: AbortSignal },
): Promise<TrustAnchor> {
  if (trust !== undefined) {
    // Costs 6 ms that a box with --key alone need not spend.
    const { parseTrustFile } = await import("../config/trust_file.ts");
    const root = parseTrustRoot(
      parseTrustFile(await disk.readText(trust, { mayBePipe: true }), trust),
    );
    if (!root.ok) throw new ConfigError({ path: trust }, root.reason);
    return { kind: "root", shipped: root.value };
  }
  if (key.length === 0) {
    if (threshold === 1) return { kind: "nobody" };
    throw new UsageError(
      `Cannot use --threshold ${threshold} without --key: name the keys`,
    );
  }
  const keys = trustKeys(
    await readPublicKeys(key, disk, { signal }),
    threshold,
  );
  if (!keys.ok) throw new UsageError(`Cannot use --threshold: ${keys.reason}`);
  return { kind: "keys", keys: keys.value };
}
