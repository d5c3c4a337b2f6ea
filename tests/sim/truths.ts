import { systemClock as clock } from "../../lib/core/clock.ts";
import type { Provider } from "./network.ts";
import { lookUpMany, type Scenario, startCrowd, wait } from "./scenarios.ts";

/** How soon a provider has to say that nobody finds it any more. */
const SAID_WITHIN_MS = 60_000;

/** Whether a provider says what is true of its place in the DHT. */
export const TRUTHS: readonly Scenario[] = [
  {
    name: "lost-peers",
    p95Ms: 1500,
    async run(network, options) {
      const { bootstrap, processes } = await startCrowd(network, 6, options);
      const provider = await network.startProvider({ bootstrap, name: "one" });
      const lookups = await lookUpMany(network, { ...options, lookups: 5 }, {
        bootstrap,
      });
      const wasReady = await isReady(provider);
      for (const process of processes) await process.kill();
      const lostMs = clock.monotonic();
      while (
        await isReady(provider) && clock.monotonic() < lostMs + SAID_WITHIN_MS
      ) await wait(500);
      const saidAfterMs = clock.monotonic() - lostMs;
      return {
        lookups,
        wanted: [provider],
        checks: {
          ready_before: wasReady,
          not_ready_after: saidAfterMs < SAID_WITHIN_MS,
        },
        notes: { said_after_ms: Math.round(saidAfterMs) },
      };
    },
  },
  {
    name: "values-refused",
    p95Ms: 3000, // providers are asked themselves
    async run(network, options) {
      const { bootstrap } = await startCrowd(network, 10, options, {
        refusesValues: true,
      });
      const provider = await network.startProvider({ bootstrap, name: "one" });
      const ready = await isReady(provider);
      const lookups = await lookUpMany(network, { ...options, lookups: 10 }, {
        bootstrap,
      });
      return {
        lookups,
        wanted: [provider],
        checks: { ready, no_value_kept: provider.storedAt === 0 },
      };
    },
  },
  {
    name: "ipv6",
    p95Ms: 1500,
    async run(network, options) {
      const first = await network.startMeeting("first", 0, {
        interfaceName: "::1",
      });
      const bootstrap = [first.address];
      const provider = await network.startProvider({
        ...{ bootstrap, name: "one", interfaceName: "::1" },
      });
      const lookups = await lookUpMany(network, { ...options, lookups: 10 }, {
        bootstrap,
      });
      return {
        lookups,
        wanted: [provider],
        checks: {
          ready: await isReady(provider),
          told_by_ipv6: provider.address.startsWith("/ip6/::1/") &&
            provider.manifestUrl.startsWith("http://[::1]:"),
        },
      };
    },
  },
];

async function isReady({ manifestUrl }: Provider): Promise<boolean> {
  const response = await fetch(new URL("/ready", manifestUrl));
  await response.body?.cancel();
  return response.ok;
}
