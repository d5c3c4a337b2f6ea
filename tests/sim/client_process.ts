// deno-lint-ignore-file no-console -- the lines of JSON are its result
/**
 * One look-up by a machine that has just booted: a process of its own, which
 * says in one line of JSON what it found, and when.
 */
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { deadline, systemClock as clock } from "../../lib/core/clock.ts";
import { createDhtSource } from "../../lib/discover/dht_source.ts";

/** What a client is told. */
export interface ClientSettings {
  readonly image: ChannelArch;
  readonly bootstrap: readonly string[];
  /** Ends when these providers are found: any of them, or all. */
  readonly wanted: readonly string[];
  readonly isAllWanted: boolean;
  readonly timeoutMs: number;
}

/** What it found. */
export interface ClientResult {
  /** Of the wanted providers, those that were found. */
  readonly found: readonly string[];
  /** Every provider that was found, wanted or not. */
  readonly seen: readonly string[];
  /** From the start of the look-up to its end. */
  readonly elapsedMs: number;
}

async function main(settings: ClientSettings): Promise<ClientResult> {
  const startedMs = clock.monotonic();
  const source = createDhtSource({
    bootstrap: settings.bootstrap,
    clock,
    isClockTrusted: true,
  });
  const { signal } = new AbortController();
  using limit = deadline(clock, settings.timeoutMs, { signal });
  const found = new Set<string>();
  const seen = new Set<string>();
  let elapsedMs = settings.timeoutMs;
  const findings = source.find(settings.image, { signal: limit.signal });
  for await (const finding of findings) {
    if (finding.kind !== "candidate") continue;
    const { peerId = "" } = finding.candidate;
    seen.add(peerId);
    if (settings.wanted.includes(peerId)) found.add(peerId);
    const isEnough = found.size > 0 &&
      (!settings.isAllWanted || found.size === settings.wanted.length);
    if (!isEnough) continue;
    elapsedMs = clock.monotonic() - startedMs;
    break;
  }
  return { found: [...found], seen: [...seen], elapsedMs };
}

if (import.meta.main) {
  const result = await main(JSON.parse(Deno.args[0] ?? ""));
  console.log(JSON.stringify(result));
  Deno.exit(0);
}
