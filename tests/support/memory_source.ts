import { type Clock, sleep } from "../../lib/core/clock.ts";
import type { VerifiedManifest } from "../../lib/manifest/verify_envelope.ts";
import type { Candidate, Finding, Source } from "../../lib/discover/source.ts";

/** A source that finds what a test tells it to, when it tells it to. */
export function memorySource(
  script: readonly (readonly [atMs: number, finding: Finding])[],
  { clock, name = "mdns", endsByItself = false }: {
    clock: Clock;
    name?: Source["name"];
    endsByItself?: boolean;
  },
): Source & { closed: boolean } {
  return {
    name,
    closed: false,
    async *find(_image, { signal }) {
      try {
        let elapsedMs = 0;
        for (const [atMs, finding] of script) {
          await sleep(clock, atMs - elapsedMs, { signal });
          elapsedMs = atMs;
          yield finding;
        }
        if (!endsByItself) await sleep(clock, 1e9, { signal });
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        this.closed = true;
      }
    },
  };
}

/** A candidate for stable/arm64 at a host of its own. */
export function candidate(
  host: string,
  overrides: Partial<Candidate> = {},
): Candidate {
  return {
    manifestUrl: new URL(`http://${host}/stable/arm64/manifest.json`),
    image: { channel: "stable", arch: "arm64" },
    version: "1",
    source: "mdns",
    ...overrides,
  };
}

/** What is left of a manifest for stable/arm64 that passed every check. */
export function verified(
  { manifestVersion = 1, contentSha256 = "1".repeat(64), verifiedBy = [] }: {
    manifestVersion?: number;
    contentSha256?: string;
    verifiedBy?: string[];
  } = {},
): VerifiedManifest {
  return {
    manifest: {
      image: { channel: "stable", arch: "arm64" },
      manifestVersion,
      version: "2026.11.22",
      createdAtMs: 0,
      expiresAtMs: 1,
      kernel: {
        filename: "vmlinuz",
        sha256: "0".repeat(64),
        sizeBytes: 1,
        urls: ["vmlinuz"],
      },
      dtbs: [],
      files: [],
      initrds: [],
    },
    verifiedBy,
    contentSha256,
    bytes: new Uint8Array(),
    sha256: "2".repeat(64),
  };
}
