import assert from "node:assert/strict";
import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import { mirrorDisk } from "../../lib/cli/mirror_disk.ts";
import { refuse, type Result } from "../../lib/core/result.ts";
import { ClientTrust } from "../../lib/discover/client_trust.ts";
import type { Finding, Source } from "../../lib/discover/source.ts";
import type {
  FetchedImage,
  FetchFailure,
  FetchImageOptions,
} from "../../lib/fetch/fetch_image.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { trustKeys } from "../../lib/manifest/trusted_keys.ts";
import type { MirrorTools } from "../../lib/mirror/mirror_tools.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import { FakeClock } from "./fake_clock.ts";
import { hashedArtifact, hashedImage } from "./hashed_image.ts";
import { memorySource } from "./memory_source.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** A signed manifest of stable/arm64, whose content is told by its kernel. */
export async function signedRelease(
  signers: readonly SigningKey[],
  { kernel = "a", nowMs, previous, expiresDays = 30 }: {
    readonly kernel?: string;
    readonly nowMs: number;
    readonly previous?: Uint8Array<ArrayBuffer>;
    readonly expiresDays?: number;
  },
): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes } = await issueManifest({
    image: hashedImage({
      kernel: hashedArtifact("vmlinuz", { content: kernel }),
    }),
    ...previous !== undefined && { previous },
    ...{ signers, now: nowMs, expiresDays },
  });
  return bytes;
}

/** A mirror's surroundings: who offers what, and what became of it. */
export class MirrorTwin {
  readonly clock = new FakeClock();
  readonly logger = new MemoryLogger();
  /** Manifests by host, as they are offered at the moment. */
  readonly offered = new Map<string, Uint8Array<ArrayBuffer>>();
  /** What the next fetches fail with. */
  failure: FetchFailure | undefined;
  /** What was fetched, in order. */
  readonly fetches: Omit<FetchImageOptions, "httpGet">[] = [];

  /** Who offers the image, each by mDNS. */
  source(own: readonly string[] = []): Source {
    const findings = [...this.offered.keys(), ...own].map((host): [
      number,
      Finding,
    ] => [0, {
      kind: "candidate",
      candidate: {
        manifestUrl: new URL(`http://${host}/stable/arm64/manifest.json`),
        image: { channel: "stable", arch: "arm64" },
        version: "1",
        source: "mdns",
        providerName: host,
      },
    }]);
    return memorySource(findings, { clock: this.clock });
  }

  /** Answers as the hosts do; none has a trust document. */
  readonly httpGet: MirrorTools["httpGet"] = (url) => {
    const bytes = url.pathname === "/stable/arm64/manifest.json"
      ? this.offered.get(url.host)
      : undefined;
    return Promise.resolve(
      replyOf(
        bytes === undefined
          ? new Response("", { status: 404 })
          : new Response(bytes),
      ),
    );
  };

  /** Writes the extras, and empty files, unless it is to fail. */
  readonly fetchImage = async (
    options: Omit<FetchImageOptions, "httpGet">,
  ): Promise<Result<FetchedImage, FetchFailure>> => {
    this.fetches.push(options);
    if (this.failure !== undefined) return refuse(this.failure);
    await Deno.mkdir(options.directory, { recursive: true });
    for (const { path } of options.files) {
      await Deno.writeTextFile(join(options.directory, path), "");
    }
    for (const extra of options.extras) {
      assert.ok("bytes" in extra);
      await Deno.writeFile(join(options.directory, extra.name), extra.bytes);
    }
    return { ok: true, value: { isChanged: true, receivedBytes: 1 } };
  };

  /** What a mirror is made with that trusts these keys. */
  tools(directory: string, keys: readonly SigningKey[]): MirrorTools {
    const trusted = trustKeys(keys.map(({ publicKey }) => publicKey), 1);
    assert.ok(trusted.ok);
    const { clock, logger, httpGet, fetchImage } = this;
    return {
      ...{ clock, logger, httpGet, fetchImage, disk: mirrorDisk },
      artifactsDir: join(directory, "artifacts"),
      trustDir: join(directory, "trust"),
      everyMs: 600_000,
      openTrust: ({ clockTrusted, signal }) =>
        ClientTrust.open({
          anchor: { kind: "keys", keys: trusted.value },
          store: {
            path: join(directory, "mirror.json"),
            fileSystem: disk,
          },
          clockTrusted,
        }, { signal }),
      openSources: () =>
        Promise.resolve({
          sources: [this.source()],
          isOwn: () => false,
          onPeer: () => {},
        }),
      isClockTrusted: () => true,
      random: () => 0,
    };
  }
}
