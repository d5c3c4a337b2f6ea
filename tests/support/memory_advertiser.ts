import type {
  Advertisement,
  Advertiser,
} from "../../lib/advertise/advertiser.ts";
import {
  type ChannelArch,
  formatChannelArch,
} from "../../lib/core/channel_arch.ts";
import { ok, refuse, type Result } from "../../lib/core/result.ts";

/** An advertiser that tells nobody, for tests. */
export class MemoryAdvertiser implements Advertiser {
  /** What a client would find, `stable/arm64` to version. */
  readonly published = new Map<string, string>();
  /** Every call, in order. */
  readonly calls: string[] = [];
  /** Set: nothing can be published, for this reason. */
  trouble: string | undefined;

  constructor(readonly name: Advertiser["name"] = "mDNS") {}

  publish({ image, version }: Advertisement): Promise<Result<void>> {
    const name = formatChannelArch(image);
    this.calls.push(`publish ${name} ${version}`);
    if (this.trouble !== undefined) {
      return Promise.resolve(refuse(this.trouble));
    }
    this.published.set(name, version);
    return Promise.resolve(ok(undefined));
  }

  isPublished(image: ChannelArch): boolean {
    return this.published.has(formatChannelArch(image));
  }

  withdraw(image: ChannelArch): Promise<void> {
    const name = formatChannelArch(image);
    this.calls.push(`withdraw ${name}`);
    this.published.delete(name);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.published.clear();
    return Promise.resolve();
  }
}
