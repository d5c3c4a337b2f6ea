import { type Clock, systemClock } from "../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../lib/core/dht_protocol.ts";
import { createIdentity } from "../../lib/net/dht/identity.ts";
import { DhtNode } from "../../lib/net/dht/node.ts";
import type { DhtNodeOptions } from "../../lib/net/dht/node_options.ts";
import { createBootRecordPolicy } from "../../lib/wire/boot_record_policy.ts";

/**
 * A test that starts libp2p. The sanitizers are off: under Deno it leaves a
 * BroadcastChannel open (its peer store's lock, which Node would not wait for)
 * and some timers of `AbortSignal.timeout`, all of which end with the process.
 */
export function libp2pTest(name: string, run: () => Promise<void>): void {
  Deno.test(name, { sanitizeOps: false, sanitizeResources: false }, run);
}

/** Never aborts: the test's own end is the limit. */
export const unlimited: AbortSignal = new AbortController().signal;

/** Starts a node on a free port of 127.0.0.1. */
export async function openTestNode(
  options: Partial<DhtNodeOptions> & { readonly clock?: Clock } = {},
): Promise<DhtNode> {
  const clock = options.clock ?? systemClock;
  return await DhtNode.open({
    identity: options.identity ?? await createIdentity(),
    listen: ["/ip4/127.0.0.1/tcp/0"],
    alsoAnnounce: () => [],
    bootstrap: [],
    protocol: DEFAULT_DHT_PROTOCOL,
    policy: createBootRecordPolicy({ clock }),
    recordTtlSeconds: 3600,
    clock,
    signal: unlimited,
    ...options,
  });
}

/** Waits until a condition holds; fails after a generous time. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 10_000,
): Promise<void> {
  const endMs = systemClock.monotonic() + timeoutMs;
  while (!await condition()) {
    if (systemClock.monotonic() > endMs) throw new Error(`never: ${what}`);
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 20));
  }
}
