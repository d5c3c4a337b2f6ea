import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { ClientTrust } from "../discover/client_trust.ts";
import type { Candidate, Source } from "../discover/source.ts";
import type { fetchImage, FetchImageOptions } from "../fetch/fetch_image.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import type { MirrorProvider } from "../provider/machine.ts";
import type { MirrorDisk } from "./mirror_disk.ts";

/** What images are mirrored with. */
export interface MirrorTools {
  /** Holds `<channel>/` directories. */
  readonly artifactsDir: string;
  /** Where the provider finds the trust documents that it hands on. */
  readonly trustDir: string;
  /** How often others are asked, at least. */
  readonly everyMs: number;
  /**
   * What is trusted, with what was remembered.
   *
   * @param options `clockTrusted`: whether what has expired is refused
   */
  readonly openTrust: (
    options: { readonly clockTrusted: boolean; readonly signal: AbortSignal },
  ) => Promise<ClientTrust>;
  /** Opens the sources of providers, leaving out this mirror itself. */
  readonly openSources: (provider: MirrorProvider) => Promise<MirrorSources>;
  /** Gets the files of a release, by whatever connections. */
  readonly fetchImage: (
    options: Omit<FetchImageOptions, "httpGet">,
    bounds: { readonly signal: AbortSignal },
  ) => ReturnType<typeof fetchImage>;
  /** Gets manifests and trust documents. */
  readonly httpGet: HttpGet;
  /** Where images lie. */
  readonly disk: MirrorDisk;
  /** The time. */
  readonly clock: Clock;
  /** Whether the wall clock can be right by now. */
  readonly isClockTrusted: () => boolean;
  /** Takes what happens. */
  readonly logger: Logger;
  /** 0 to 1, uniform. */
  readonly random: () => number;
}

/** The ways to ask others for one image, once. */
export interface MirrorSources {
  /** Asked at the same time. */
  readonly sources: readonly Source[];
  /** Whether a candidate is this mirror itself. */
  readonly isOwn: (candidate: Candidate) => boolean;
  /** Hears of DHT nodes that can be joined through. */
  readonly onPeer: (multiaddr: string) => void;
}
