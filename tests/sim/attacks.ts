import { systemClock as clock } from "../../lib/core/clock.ts";
import type { Lookup, NodeProcess, Provider } from "./network.ts";
import { finds, lookUpMany, type Scenario, startCrowd } from "./scenarios.ts";

/** The hostile host: one address among nodes that have one each. */
const HOST = "127.66.0.1";
/** How soon a newcomer has to be found, from when it has published. */
const FOUND_WITHIN_MS = 15_000;
/** Of a process of five nodes, which takes 130 MB without any flood. */
const MAX_MEMORY_BYTES = 400e6;
/** What a booting machine may have left: with all that Deno takes itself. */
const MAX_CLIENT_BYTES = 200e6;
/** Of a processor, for one node: its host is answered at a bounded rate. */
const MAX_PROCESSOR_SHARE = 0.15;

/** What one hostile host does to a network. */
export const ATTACKS: readonly Scenario[] = [
  {
    name: "eclipse",
    p95Ms: 5000,
    async run(network, options) {
      const { bootstrap, processes } = await startCrowd(network, 30, options);
      const targets = processes.flatMap(({ addresses }) => addresses);
      const role = "sybils";
      await network.startHostile({ role, host: HOST, count: 40, targets });
      const one = { bootstrap, name: "one" };
      const provider = await network.startProvider(one);
      // A thousand handshakes of the attackers', on the machine that is measured.
      for (const process of processes) await process.settle();
      const lookups = await lookUpMany(network, { ...options, lookups: 20 }, {
        bootstrap,
      });
      return {
        lookups,
        wanted: [provider],
        notes: { stored_at: provider.storedAt },
      };
    },
  },
  {
    name: "candidates",
    p95Ms: 5000,
    async run(network, options) {
      const { bootstrap, processes } = await startCrowd(network, 10, options);
      const one = { bootstrap, name: "one" };
      const provider = await network.startProvider(one);
      const role = "candidates";
      const hostile = await network.startHostile({
        ...{ role, host: HOST, count: 100, targets: bootstrap },
      });
      for (const process of processes) await process.settle();
      const lookups = await lookUpMany(network, { ...options, lookups: 10 }, {
        bootstrap: [...hostile.addresses, ...bootstrap],
        timeoutSeconds: 30,
      });
      const memoryBytes = Math.max(...lookups.map((one) => one.memoryBytes));
      return {
        lookups,
        wanted: [provider],
        checks: { memory_bounded: memoryBytes < MAX_CLIENT_BYTES },
        notes: { memory_mb: Math.round(memoryBytes / 1e6) },
      };
    },
  },
  {
    name: "flood",
    p95Ms: FOUND_WITHIN_MS,
    async run(network, options) {
      const { bootstrap, processes } = await startCrowd(network, 20, options);
      const targets = processes.flatMap(({ addresses }) => addresses);
      const before = await processorMs(processes);
      const startedMs = clock.monotonic();
      const role = "flood";
      await network.startHostile({ role, host: HOST, count: 8, targets });
      const lookups: Lookup[] = [];
      const wanted: Provider[] = [];
      let memoryBytes = 0;
      let isFound = true;
      const endMs = startedMs + options.seconds * 1000;
      for (let i = 0; clock.monotonic() < endMs; i++) {
        const name = `newcomer${i}`;
        const provider = await network.startProvider({ bootstrap, name });
        const newMs = clock.monotonic();
        const asked = targets[i * 7 % targets.length] ?? "";
        const lookup = await network.lookUp({ bootstrap: [asked] });
        isFound &&= finds(lookup, provider) &&
          clock.monotonic() - newMs < FOUND_WITHIN_MS;
        lookups.push(lookup);
        wanted.push(provider);
        await provider.kill();
        for (const process of processes) {
          const usage = await process.usage();
          memoryBytes = Math.max(memoryBytes, usage.memoryBytes);
        }
      }
      const elapsedMs = clock.monotonic() - startedMs;
      const spentMs = await processorMs(processes) - before;
      const share = spentMs / elapsedMs / targets.length;
      return {
        lookups,
        wanted,
        checks: {
          newcomers_found: isFound,
          memory_bounded: memoryBytes < MAX_MEMORY_BYTES,
          processor_bounded: share < MAX_PROCESSOR_SHARE,
        },
        notes: {
          memory_mb: Math.round(memoryBytes / 1e6),
          processor_percent_of_node: Math.round(share * 100),
        },
      };
    },
  },
];

async function processorMs(processes: readonly NodeProcess[]): Promise<number> {
  let sumMs = 0;
  for (const process of processes) sumMs += (await process.usage()).processorMs;
  return sumMs;
}
