import { systemClock as clock } from "../../lib/core/clock.ts";
import type { ClientResult, ClientSettings } from "./client_process.ts";
import { type NodeProcess, SimulatedNetwork } from "./network.ts";

/** What a scenario measured. */
export interface Measurement {
  /** Look-ups made. */
  readonly lookups: number;
  /** Look-ups that found what they had to. */
  readonly succeeded: number;
  /** Of each, in milliseconds. */
  readonly elapsedMs: readonly number[];
  /** What else is worth knowing. */
  readonly notes: Readonly<Record<string, number>>;
}

/** A scenario and what it has to reach. */
export interface Scenario {
  readonly name: string;
  /** What the slowest look-up but one in twenty may take. */
  readonly p95Ms: number;
  readonly run: (options: SimulationOptions) => Promise<Measurement>;
}

/** How large a simulation is. */
export interface SimulationOptions {
  readonly lookups: number;
  /** The 50 of the scenarios, for smaller machines. */
  readonly nodes: number;
  readonly nodesPerProcess: number;
}

const IMAGE = { channel: "stable", arch: "arm64" };
const TIMEOUT_MS = 15_000;
/** Look-ups at once, unless a scenario says otherwise: it measures latency. */
const AT_ONCE = 2;

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "five-providers",
    p95Ms: 1500,
    async run({ lookups, nodesPerProcess }) {
      await using network = new SimulatedNetwork();
      const { bootstrap } = await startCrowd(network, 20, nodesPerProcess);
      const provide = () => network.startNodes({ bootstrap, images: [IMAGE] });
      const dead = [await provide(), await provide()];
      const forger = await provide(); // with a key of his own: validly signed
      const first = await provide();
      const before = await lookUpAll(network, { bootstrap, of: [first] });
      const second = await provide();
      const good = [first, second];
      for (const provider of dead) provider.kill();
      const any = await lookUpMany(network, lookups, { bootstrap, of: good });
      const all = await lookUpAll(network, { bootstrap, of: good });
      const isAllFound = before.found.length === 1 && all.found.length === 2;
      return measurement(any, {
        allFound: Number(isAllFound),
        allMs: Math.round(all.elapsedMs),
        forgerSeen: Number(all.seen.includes(idOf(forger))),
      }, isAllFound);
    },
  },
  {
    name: "churn",
    p95Ms: 1000,
    run: (options) => lookUpAfter(options, (node) => node.kill()),
  },
  {
    name: "frozen",
    p95Ms: 2000,
    run: (options) => lookUpAfter(options, (node) => node.freeze()),
  },
  {
    name: "rack",
    p95Ms: 15_000, // forty processes start on the machine that is measured
    async run() {
      await using network = new SimulatedNetwork();
      const provider = await network.startNodes({ images: [IMAGE] });
      const bootstrap = provider.addresses;
      const results = await lookUpMany(network, 40, {
        bootstrap,
        of: [provider],
      }, 40);
      return measurement(results, {});
    },
  },
  {
    name: "expiry",
    p95Ms: Infinity,
    async run({ nodesPerProcess }) {
      const ttlSeconds = 5;
      await using network = new SimulatedNetwork();
      const { bootstrap } = await startCrowd(network, 10, nodesPerProcess, {
        ttlSeconds,
      });
      const provider = await network.startNodes({
        bootstrap,
        images: [IMAGE],
        ttlSeconds,
      });
      const wanted = { bootstrap, of: [provider] };
      const before = await lookUpAll(network, wanted);
      provider.kill();
      await wait(ttlSeconds * 1000);
      const after = await Promise.all(
        Array.from(
          { length: AT_ONCE },
          () => lookUpAll(network, { ...wanted, timeoutMs: 3000 }),
        ),
      );
      const isForgotten = after.every((result) => result.seen.length === 0);
      return measurement(
        [before],
        { forgotten: Number(isForgotten) },
        isForgotten,
      );
    },
  },
  {
    name: "poison",
    p95Ms: 2000,
    async run({ lookups, nodesPerProcess }) {
      await using network = new SimulatedNetwork();
      const { bootstrap } = await startCrowd(network, 15, nodesPerProcess);
      const hostile = await network.startNodes({
        nodes: 5,
        bootstrap,
        images: [IMAGE],
        isHostile: true,
      });
      const provider = await network.startNodes({ bootstrap, images: [IMAGE] });
      const results = await lookUpMany(network, lookups, {
        bootstrap: hostile.addresses, // nobody else is known at first
        of: [provider],
      });
      const isOnlyGood = results.every((result) =>
        result.seen.every((id) => id === idOf(provider))
      );
      return measurement(results, { onlyGood: Number(isOnlyGood) }, isOnlyGood);
    },
  },
];

/** Publishes in a crowd, lets 30 % of it fail, and looks the image up. */
async function lookUpAfter(
  { lookups, nodes, nodesPerProcess }: SimulationOptions,
  fail: (node: NodeProcess) => void,
): Promise<Measurement> {
  await using network = new SimulatedNetwork();
  const { bootstrap, processes } = await startCrowd(
    network,
    nodes,
    nodesPerProcess,
  );
  const provider = await network.startNodes({ bootstrap, images: [IMAGE] });
  const failing = processes.slice(1, 1 + Math.round(processes.length * 0.3));
  failing.forEach(fail);
  const results = await lookUpMany(network, lookups, {
    // One of the two that a client knows is gone as well.
    bootstrap: [...failing[0]?.addresses.slice(0, 1) ?? [], ...bootstrap],
    of: [provider],
  });
  return measurement(results, {
    failed: failing.reduce((n, process) => n + process.peerIds.length, 0),
    storedAt: provider.storedAt[0] ?? 0,
  });
}

/** Nodes that keep what others publish; all join through the first one. */
async function startCrowd(
  network: SimulatedNetwork,
  nodes: number,
  perProcess: number,
  settings: { ttlSeconds?: number } = {},
): Promise<{ bootstrap: string[]; processes: NodeProcess[] }> {
  const first = await network.startNodes({ nodes: 1, ...settings });
  const bootstrap = first.addresses.slice(0, 1);
  const processes = [first];
  for (let rest = nodes - 1; rest > 0; rest -= perProcess) {
    processes.push(
      await network.startNodes({
        nodes: Math.min(rest, perProcess),
        bootstrap,
        ...settings,
      }),
    );
  }
  await wait(2000); // until they have looked for their neighbours
  return { bootstrap, processes };
}

interface Wanted {
  readonly bootstrap: readonly string[];
  readonly of: readonly NodeProcess[];
  readonly timeoutMs?: number;
}

async function lookUpMany(
  network: SimulatedNetwork,
  count: number,
  wanted: Wanted,
  atOnce = AT_ONCE,
): Promise<ClientResult[]> {
  const results: ClientResult[] = [];
  let started = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (started < count) {
      started++;
      results.push(await network.lookUp(clientSettings(wanted, false)));
    }
  }));
  return results;
}

async function lookUpAll(
  network: SimulatedNetwork,
  wanted: Wanted,
): Promise<ClientResult> {
  return await network.lookUp(clientSettings(wanted, true));
}

function clientSettings(wanted: Wanted, isAllWanted: boolean): ClientSettings {
  return {
    image: IMAGE,
    bootstrap: wanted.bootstrap,
    wanted: wanted.of.map(idOf),
    isAllWanted,
    timeoutMs: wanted.timeoutMs ?? TIMEOUT_MS,
  };
}

function measurement(
  results: readonly ClientResult[],
  notes: Readonly<Record<string, number>>,
  isElseGood = true,
): Measurement {
  const succeeded = results.filter((result) => result.found.length > 0).length;
  return {
    lookups: results.length,
    succeeded: isElseGood ? succeeded : 0,
    elapsedMs: results.map((result) => result.elapsedMs),
    notes,
  };
}

function idOf(provider: NodeProcess): string {
  return provider.peerIds[0] ?? "";
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(resolve, delayMs));
}
