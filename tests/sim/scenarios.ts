import { systemClock as clock } from "../../lib/core/clock.ts";
import type { NetworkLab } from "../support/network_lab.ts";
import {
  type Failing,
  type Lookup,
  type LookupOptions,
  type Machine,
  type NodeProcess,
  type Plasmd,
  type Provider,
  SimulatedNetwork,
} from "./network.ts";

/** What a scenario measured. */
export interface Measurement {
  /** Look-ups that were timed. */
  readonly lookups: readonly Lookup[];
  /** Each look-up has to find one of these providers. */
  readonly wanted: readonly Provider[];
  /** What else has to be so. */
  readonly checks?: Readonly<Record<string, boolean>>;
  /** What else is worth knowing. */
  readonly notes?: Readonly<Record<string, number | readonly object[]>>;
}

/** A scenario and what it has to reach. */
export interface Scenario {
  readonly name: string;
  /** What the slowest look-up but one in twenty may take. */
  readonly p95Ms: number;
  /** Makes the machine that it needs, in network namespaces. @default this one */
  readonly machine?: (lab: NetworkLab) => Promise<Machine>;
  readonly run: (
    network: SimulatedNetwork,
    options: SimulationOptions,
  ) => Promise<Measurement>;
}

/** How large a simulation is. */
export interface SimulationOptions {
  readonly lookups: number;
  /** Look-ups at the same time, unless a scenario says otherwise. */
  readonly atOnce: number;
  /** The 50 of the scenarios, for smaller machines. */
  readonly nodes: number;
  readonly nodesPerProcess: number;
  /** How long a flood lasts. */
  readonly seconds: number;
}

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "five-providers",
    p95Ms: 1500,
    async run(network, options) {
      const { bootstrap } = await startCrowd(network, 20, options);
      const provide = (name: string, isForger = false) =>
        network.startProvider({ bootstrap, name, isForger });
      const killed = await provide("killed");
      const frozen = await provide("frozen");
      const forger = await provide("forger", true);
      const first = await provide("first");
      const before = await network.lookUp({ bootstrap, all: true });
      const second = await provide("second");
      await killed.kill();
      frozen.freeze();
      const lookups = await lookUpMany(network, options, { bootstrap });
      const all = await network.lookUp({ bootstrap, all: true });
      const third = await provide("third");
      const more = await network.lookUp({ bootstrap, all: true });
      return {
        lookups,
        wanted: [first, second],
        checks: {
          first_found: finds(before, first),
          both_found: finds(all, first, second) && all.found.length === 2,
          third_removes_nobody: finds(more, first, second, third),
          forger_never_taken: [...lookups, before, all, more]
            .every((lookup) => !finds(lookup, forger)),
        },
      };
    },
  },
  {
    name: "churn",
    p95Ms: 1000,
    run: (network, options) =>
      lookUpAfter(network, options, (node) => node.kill()),
  },
  {
    name: "frozen",
    p95Ms: 2000,
    run: (network, options) =>
      lookUpAfter(network, options, (node) => node.freeze()),
  },
  {
    name: "rack",
    p95Ms: 15_000, // forty processes start on the machine that is measured
    async run(network, options) {
      const meeting = await network.startMeeting("meeting");
      const bootstrap = [meeting.address];
      const provider = await network.startProvider({ bootstrap, name: "one" });
      const all = { ...options, lookups: 40, atOnce: 40 };
      const lookups = await lookUpMany(network, all, { bootstrap });
      return { lookups, wanted: [provider] };
    },
  },
  {
    name: "expiry",
    p95Ms: Infinity,
    async run(network, options) {
      const ttlSeconds = 4;
      const { bootstrap } = await startCrowd(network, 10, options, {
        ttlSeconds,
      });
      const one = { bootstrap, name: "one", ttlSeconds };
      const provider = await network.startProvider(one);
      // Until it has refreshed its record a few times.
      await wait(2 * ttlSeconds * 1000);
      const lookups = await lookUpMany(network, { ...options, lookups: 5 }, {
        bootstrap,
      });
      await provider.kill();
      await wait(ttlSeconds * 1000);
      const after = await lookUpMany(network, { ...options, lookups: 5 }, {
        bootstrap,
        timeoutSeconds: 3,
      });
      return {
        lookups,
        wanted: [provider],
        checks: {
          forgotten: after.every(({ found, refused }) =>
            found.length === 0 && refused.length === 0
          ),
        },
      };
    },
  },
  {
    name: "poison",
    p95Ms: 2000,
    async run(network, options) {
      const { bootstrap } = await startCrowd(network, 15, options);
      const forged = { channel: "stable", arch: "arm64" };
      const hostile = await network.startNodes({
        nodes: 6,
        bootstrap,
        forged,
      });
      const one = { bootstrap, name: "one" };
      const provider = await network.startProvider(one);
      const lookups = await lookUpMany(network, options, {
        bootstrap: hostile.addresses, // nobody else is known at first
      });
      return {
        lookups,
        wanted: [provider],
        // What is taken for a record becomes a candidate, good or refused.
        checks: {
          no_forgery_taken: lookups.every(({ refused }) =>
            refused.length === 0
          ),
        },
      };
    },
  },
  {
    name: "restart",
    p95Ms: 2000,
    async run(network, options) {
      const few = { ...options, lookups: 5 };
      const meeting = await network.startMeeting("meeting");
      const bootstrap = [meeting.address];
      await startCrowd(network, 9, options, { bootstrap });
      const one = { bootstrap, name: "one" };
      const before = await network.startProvider(one);
      await before.kill();
      const provider = await network.startProvider(one);
      const lookups = await lookUpMany(network, few, { bootstrap });

      await meeting.kill();
      const startedMs = clock.monotonic();
      await network.startMeeting("meeting", portOf(meeting));
      const healed = await network.lookUp({ bootstrap });
      const healedAfterMs = clock.monotonic() - startedMs;
      const late = await network.startProvider({ bootstrap, name: "late" });
      const all = await network.lookUp({ bootstrap, all: true });
      return {
        lookups: [...lookups, ...await lookUpMany(network, few, { bootstrap })],
        wanted: [provider, late],
        checks: {
          same_peer: provider.peerId === before.peerId,
          // The port of HTTP is another one each time.
          new_record: lookups.every(({ found }) =>
            found[0]?.manifest_url === provider.manifestUrl
          ),
          published_within_10_s: provider.publishedAfterMs < 10_000,
          healed: finds(healed, provider) && healedAfterMs < 10_000,
          both_found: finds(all, provider, late),
        },
        notes: {
          published_after_ms: Math.round(provider.publishedAfterMs),
          healed_after_ms: Math.round(healedAfterMs),
        },
      };
    },
  },
];

/** Whether a look-up found these providers, where they are now. */
export function finds(
  { found }: Lookup,
  ...providers: readonly Provider[]
): boolean {
  return providers.every(({ peerId, manifestUrl }) =>
    found.some((one) =>
      one.peer_id === peerId && one.manifest_url === manifestUrl
    )
  );
}

/** Publishes in a crowd, lets 30 % of it fail, and looks the image up. */
async function lookUpAfter(
  network: SimulatedNetwork,
  options: SimulationOptions,
  fail: (node: Failing) => void | Promise<void>,
): Promise<Measurement> {
  const { bootstrap, processes } = await startCrowd(
    network,
    options.nodes,
    options,
  );
  const provider = await network.startProvider({ bootstrap, name: "one" });
  const failing = processes.slice(1, 1 + Math.round(processes.length * 0.3));
  for (const process of failing) await fail(process);
  const gone = failing.flatMap((process) => process.addresses);
  const lookups = await lookUpMany(network, options, {
    // Two of the three that a client knows are gone as well.
    bootstrap: [...gone.slice(0, 2), ...bootstrap],
  });
  return {
    lookups,
    wanted: [provider],
    notes: { failed: gone.length, stored_at: provider.storedAt },
  };
}

/** Nodes that keep what others publish; all join through the first one. */
export async function startCrowd(
  network: SimulatedNetwork,
  nodes: number,
  { nodesPerProcess }: SimulationOptions,
  settings: {
    ttlSeconds?: number;
    bootstrap?: readonly string[];
    refusesValues?: boolean;
  } = {},
): Promise<{ bootstrap: readonly string[]; processes: NodeProcess[] }> {
  const first = await network.startNodes({ nodes: 1, ...settings });
  const { bootstrap = first.addresses } = settings;
  const processes = [first];
  for (let rest = nodes - 1; rest > 0; rest -= nodesPerProcess) {
    processes.push(
      await network.startNodes({
        ...settings,
        nodes: Math.min(rest, nodesPerProcess),
        bootstrap,
      }),
    );
  }
  // Everybody meets everybody at first, which is a thousand handshakes for 50
  // nodes: real ones have each a machine, and most have met long ago.
  await Promise.all(processes.map((process) => process.settle()));
  return { bootstrap, processes };
}

/** Looks the image up, by a process each time. */
export async function lookUpMany(
  network: SimulatedNetwork,
  { lookups, atOnce }: SimulationOptions,
  options: LookupOptions,
): Promise<Lookup[]> {
  const results: Lookup[] = [];
  let started = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (started < lookups) {
      started++;
      results.push(await network.lookUp(options));
    }
  }));
  return results;
}

function portOf({ address }: Plasmd): number {
  return Number(/\/tcp\/(\d+)/.exec(address)?.[1]);
}

/** Lets time pass. */
export function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(resolve, delayMs));
}
