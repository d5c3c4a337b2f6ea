import assert from "node:assert/strict";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { whenAborted } from "../../lib/core/abort.ts";
import { ok, refuse } from "../../lib/core/result.ts";
import {
  createDhtSource,
  type DhtSourceOptions,
} from "../../lib/discover/dht_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import type { DhtClient } from "../../lib/net/dht/client.ts";
import type { Identity } from "../../lib/net/dht/identity.ts";
import type { Contact, LookupStep } from "../../lib/net/dht/lookup.ts";
import type { BootRecord } from "../../lib/wire/boot_record.ts";
import { signedRecord } from "./boot_records.ts";
import { FakeClock } from "./fake_clock.ts";

/** The image that is looked for. */
export const IMAGE: ChannelArch = { channel: "stable", arch: "arm64" };
/** The node that is asked. */
export const BOOTSTRAP = "/ip4/192.0.2.7/tcp/4001";

/** A DHT in which every node that can be reached knows everything. */
export class FakeDht {
  readonly reachable = new Set<string>();
  /** Nodes that take a question and never answer. */
  readonly silent = new Set<string>();
  readonly values = new Map<string, Uint8Array[]>();
  /** By key: who provides it, and what he answers when asked. */
  readonly providers = new Map<string, Map<string, Uint8Array>>();
  /** By key: who is said to provide it, and does not answer. */
  readonly gone = new Map<string, readonly string[]>();
  lookups = 0;
  openClients = 0;

  readonly openClient: NonNullable<DhtSourceOptions["openClient"]> = () => {
    this.openClients++;
    return Promise.resolve(
      {
        findValues: (key, seeds, { signal }) =>
          this.#steps(seeds, key, "values", signal),
        findProviders: (key, seeds, { signal }) =>
          this.#steps(seeds, key, "providers", signal),
        fetch: (from, key) => {
          const value = this.providers.get(key)?.get(from.id);
          return Promise.resolve(
            value ? ok(value) : refuse("no answer in time"),
          );
        },
        [Symbol.asyncDispose]: () => {
          this.openClients--;
          return Promise.resolve();
        },
      } satisfies DhtClient,
    );
  };

  async *#steps(
    seeds: readonly Contact[],
    key: string,
    what: "values" | "providers",
    signal: AbortSignal,
  ): AsyncGenerator<LookupStep> {
    this.lookups++;
    const from = (id: string) => ({
      id,
      multihash: new TextEncoder().encode(id),
      addresses: [],
    });
    for (const seed of seeds) {
      const at = typeof seed === "string" ? seed : seed.id;
      await Promise.resolve();
      if (this.silent.has(at)) return await whenAborted(signal);
      if (!this.reachable.has(at)) {
        yield { kind: "failure", at, reason: "connection refused" };
        continue;
      }
      const values = what === "values" ? this.values.get(key) ?? [] : [];
      const providers = what === "values" ? [] : [
        ...new Set([
          ...this.providers.get(key)?.keys() ?? [],
          ...this.gone.get(key) ?? [],
        ]),
      ].map(from);
      // One node per value: each keeps one.
      for (const [i, value] of [undefined, ...values].entries()) {
        yield {
          kind: "answer",
          distance: new Uint8Array(32),
          answer: {
            from: from(`${at}#${i}`),
            closer: [],
            providers,
            ...value !== undefined && { value },
          },
        };
      }
    }
  }
}

/** A record of the image that others look for. */
export async function record(
  identity: Identity,
  clock: FakeClock,
  overrides: Partial<BootRecord> = {},
  image: ChannelArch = IMAGE,
): Promise<Uint8Array> {
  return await signedRecord(image, identity, {
    url: `http://${identity.peerId}/manifest.json`,
    lastUpdatedMs: clock.now(),
    ...overrides,
  });
}

/** Runs a source for a time of the fake clock and collects what it finds. */
export async function findFor(
  durationMs: number,
  dht: FakeDht,
  clock: FakeClock,
  { trace = () => {}, ...options }: Partial<DhtSourceOptions> & {
    late?: string;
    trace?: (event: string) => void;
  } = {},
): Promise<Finding[]> {
  const source = createDhtSource({
    bootstrap: [BOOTSTRAP],
    clock,
    isClockTrusted: true,
    openClient: dht.openClient,
    ...options,
  });
  const controller = new AbortController();
  const { signal } = controller;
  const found = Array.fromAsync(source.find(IMAGE, { signal, trace }));
  for (let elapsed = 0; elapsed < durationMs; elapsed += 100) {
    await clock.advance(100);
    if (elapsed >= 1500 && options.late) source.addPeer(options.late);
  }
  controller.abort();
  const findings = await found;
  assert.equal(dht.openClients, 0, "the client is closed");
  assert.equal(clock.pending, 0, "no timer is left");
  return findings;
}

/** The problems that were found, as they are told: the last of each topic. */
export function messages(findings: readonly Finding[]): string[] {
  const byTopic = new Map<string, string>();
  for (const finding of findings) {
    if (finding.kind !== "problem") continue;
    byTopic.set(finding.topic ?? finding.message, finding.message);
  }
  return [...byTopic.values()];
}

/** The URLs of the candidates that were found. */
export function urls(findings: readonly Finding[]): string[] {
  return findings.flatMap((f) =>
    f.kind === "candidate" ? [f.candidate.manifestUrl.href] : []
  );
}

/** One node that can be reached, and knows nothing yet. */
export function network(): { dht: FakeDht; clock: FakeClock } {
  const dht = new FakeDht();
  dht.reachable.add(BOOTSTRAP);
  return { dht, clock: new FakeClock() };
}
