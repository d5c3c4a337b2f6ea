import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { ok } from "../core/result.ts";
import type { ClientTrust } from "../discover/client_trust.ts";
import { fetchManifest } from "../discover/fetch_manifest.ts";
import type { TrustDocuments } from "../http/artifacts/trust_document.ts";
import { type FetchTrust, trustPath } from "../manifest/trust_chain.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import { collectTrust } from "./collect_trust.ts";
import type { ReleaseAt } from "./find_release.ts";
import type { MirrorDisk } from "./mirror_disk.ts";

/** A document is small, and its provider has just sent a manifest. */
const TIMEOUT_MS = 5000;

/**
 * Stores the trust documents of an owner where the provider hands them on, as
 * far as other providers have them. A document that cannot be written is
 * logged, and tried again in the next round.
 *
 * @param held the documents that are served already
 * @throws the signal's reason, when it aborts
 */
export async function keepTrust(
  { root }: Pick<ClientTrust, "root">,
  held: TrustDocuments,
  { providers, trustDir, httpGet, disk, clock, logger, signal }: {
    /** Asked one after the other. */
    readonly providers: readonly ReleaseAt[];
    /** Holds `N.json`. */
    readonly trustDir: string;
    readonly httpGet: HttpGet;
    readonly disk: MirrorDisk;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if (root === undefined) return;
  const known = new Map(held);
  const collected = new Map<number, Uint8Array>();
  for (const { candidate: { manifestUrl } } of providers) {
    const fetch: FetchTrust = async (trustVersion, { signal }) => {
      const url = new URL(trustPath(trustVersion), manifestUrl);
      const bounds = { httpGet, clock, timeoutMs: TIMEOUT_MS };
      const bytes = await fetchManifest(url, bounds, { signal });
      return bytes.ok ? bytes : ok(undefined);
    };
    for (
      const [number, bytes] of await collectTrust(root, known, fetch, {
        signal,
      })
    ) {
      known.set(number, bytes);
      collected.set(number, bytes);
    }
  }
  for (const [number, bytes] of collected) {
    const path = join(trustDir, `${number}.json`);
    try {
      await disk.makeDirectory(trustDir, 0o700);
      await disk.writeAtomically(path, bytes, { mode: 0o644 });
    } catch (error) {
      logger.warn(
        `${messageOf(error)}; trust document ${number} is not served`,
      );
    }
  }
}
