import {
  type MdnsAdvertiser,
  type MdnsAdvertiserOptions,
  openMdnsAdvertiser,
} from "../../lib/advertise/mdns_advertiser.ts";
import type { Result } from "../../lib/core/result.ts";
import {
  createMdnsSource,
  type MdnsSourceOptions,
} from "../../lib/discover/mdns_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import type { MdnsNetwork } from "../../lib/net/mdns/socket.ts";
import type { MdnsOptions } from "../../lib/net/mdns/system_network.ts";
import { FakeClock } from "./fake_clock.ts";
import { type LanWeather, MemoryLan, seededRandom } from "./memory_lan.ts";
import { MemoryLogger } from "./memory_logger.ts";
import { advertisementOf, imageOf } from "./sample_images.ts";

/** A provider in the lab, with what it logged and what publishing gave. */
export interface LabProvider {
  readonly advertiser: MdnsAdvertiser;
  readonly logger: MemoryLogger;
  readonly published: readonly Promise<Result<void>>[];
}

/** Providers and clients on LANs in memory, in a time turned by hand. */
export class MdnsLab implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly #random = seededRandom(7);
  readonly #advertisers: MdnsAdvertiser[] = [];

  /** A further LAN. */
  lan(weather: LanWeather = {}): MemoryLan {
    return new MemoryLan({ clock: this.clock, random: this.#random, weather });
  }

  /** Starts a provider and lets it publish images, `stable/arm64`. */
  async provide(
    network: MdnsNetwork,
    images: readonly string[],
    options: Partial<MdnsAdvertiserOptions> = {},
  ): Promise<LabProvider> {
    const logger = new MemoryLogger();
    const advertiser = await openMdnsAdvertiser({
      clock: this.clock,
      network,
      random: this.#random,
      logger,
      interfaces: [],
      hostName: "lab",
      port: 8080,
      ...options,
    });
    this.#advertisers.push(advertiser);
    const { signal } = new AbortController();
    const published = images.map((image) =>
      advertiser.publish(advertisementOf(image), { signal })
    );
    return { advertiser, logger, published };
  }

  /** Asks for an image for a while. */
  async find(
    network: MdnsNetwork,
    image: string,
    durationMs: number,
    options: Partial<MdnsSourceOptions> = {},
  ): Promise<Finding[]> {
    const stop = new AbortController();
    const source = createMdnsSource({
      clock: this.clock,
      network,
      random: this.#random,
      interfaces: [],
      ...options,
    });
    const findings: Finding[] = [];
    const done = (async () => {
      const options = { signal: stop.signal };
      for await (const finding of source.find(imageOf(image), options)) {
        findings.push(finding);
      }
    })();
    await this.clock.advance(durationMs);
    stop.abort();
    await this.clock.advance(0);
    await done;
    return findings;
  }

  /** The URLs of what is found within a while. */
  async findUrls(
    network: MdnsNetwork,
    image: string,
    durationMs: number,
    options: Partial<MdnsOptions> = {},
  ): Promise<string[]> {
    return urlsOf(await this.find(network, image, durationMs, options));
  }

  /** Closes an advertiser, which takes a moment of the clock. */
  async close(advertiser: MdnsAdvertiser): Promise<void> {
    const closed = advertiser[Symbol.asyncDispose]();
    await this.clock.advance(500);
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const advertiser of this.#advertisers) await this.close(advertiser);
  }
}

/** The manifest URLs among findings, each once. */
export function urlsOf(findings: readonly Finding[]): string[] {
  const urls = findings.flatMap((finding) =>
    finding.kind === "candidate" ? [finding.candidate.manifestUrl.href] : []
  );
  return [...new Set(urls)];
}
