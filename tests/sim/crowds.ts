import { commandOutput } from "../support/command_output.ts";
import type { NetworkLab } from "../support/network_lab.ts";
import type { NodeProcess, SimulatedNetwork } from "./network.ts";
import {
  finds,
  lookUpMany,
  type Measurement,
  type Scenario,
  type SimulationOptions,
} from "./scenarios.ts";

/** Honest nodes that have in common what a hostile host is known by. */
interface Crowd {
  readonly name: string;
  /** All of it is one machine's. */
  readonly prefix: string;
  /** Of each node. */
  readonly hosts: readonly string[];
  /** Of the provider. */
  readonly provider: string;
}

/** Nodes that are told of each provider: Kademlia's k is 20. */
const MIN_TOLD = 10;

const some = (count: number, host: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => host(i));

const CROWDS: readonly Crowd[] = [
  {
    name: "one-prefix",
    prefix: "1.2.0.0/16",
    hosts: some(30, (i) => `1.2.${i}.7`),
    provider: "1.2.200.7",
  },
  {
    name: "one-link",
    prefix: "2a00:1:2:3::/64",
    hosts: some(30, (i) => `2a00:1:2:3::${i + 16}`),
    provider: "2a00:1:2:3::7",
  },
  {
    // A router that maps a port of its own to each.
    name: "one-nat",
    prefix: "1.2.3.4/32",
    hosts: some(20, () => "1.2.3.4"),
    provider: "1.2.3.4",
  },
];

/** Crowds that rules against hostile hosts must not disturb. */
export const CROWDED: readonly Scenario[] = [
  ...CROWDS.map((crowd): Scenario => ({
    name: crowd.name,
    p95Ms: 1500,
    machine: (lab) => machineOf(crowd, lab),
    run: (network, options) => publishInCrowd(network, options, crowd),
  })),
  {
    name: "one-host",
    p95Ms: 1500,
    async run(network, options) {
      const meeting = await network.startMeeting("meeting");
      const bootstrap = [meeting.address];
      const provider = await network.startProvider({ bootstrap, name: "one" });
      const lookups = await lookUpMany(network, { ...options, lookups: 10 }, {
        bootstrap,
      });
      const demo = new URL("../../examples/demo.ts", import.meta.url).pathname;
      const args = ["run", "-A", "--no-prompt", demo, "--once"];
      await commandOutput(Deno.execPath(), args); // throws where it fails
      return { lookups, wanted: [provider] };
    },
  },
];

/** A host that has all addresses of a prefix, without naming them its own. */
async function machineOf({ prefix }: Crowd, lab: NetworkLab) {
  const host = await lab.host();
  if (prefix.includes(":")) {
    await host.exec("sysctl", "-qw", "net.ipv6.ip_nonlocal_bind=1");
  }
  await host.exec("ip", "route", "add", "local", prefix, "dev", "lo");
  return host;
}

/** Has each node of a crowd provide the image, and a provider besides. */
async function publishInCrowd(
  network: SimulatedNetwork,
  options: SimulationOptions,
  { hosts, provider: bind }: Crowd,
): Promise<Measurement> {
  const first = await network.startNodes({ hosts: hosts.slice(0, 1) });
  const bootstrap = first.addresses;
  const one = { bootstrap, name: "one", bind };
  const provider = await network.startProvider(one);
  const provides = provider.manifestUrl;
  const processes: NodeProcess[] = [];
  const perProcess = options.nodesPerProcess;
  for (let at = 1; at < hosts.length; at += perProcess) {
    const some = hosts.slice(at, at + perProcess);
    processes.push(
      await network.startNodes({ hosts: some, bootstrap, provides }),
    );
  }
  for (const process of processes) await process.settle();
  const told: number[] = [];
  for (const process of processes) told.push(...await process.publish());
  for (const process of processes) await process.settle();
  const lookups = await lookUpMany(network, { ...options, lookups: 10 }, {
    bootstrap,
  });
  const all = await network.lookUp({
    ...{ bootstrap, all: true, timeoutSeconds: 10 },
  });
  const others = processes.flatMap(({ addresses }) => addresses)
    .map((address) => address.split("/p2p/")[1] ?? "")
    .map((peerId) => ({
      ...provider,
      peerId,
      manifestUrl: `${provides}?${peerId}`,
    }));
  return {
    lookups,
    wanted: [provider, ...others],
    checks: {
      all_published: told.every((count) => count >= MIN_TOLD),
      all_found: finds(all, provider, ...others),
    },
    notes: {
      providers: all.found.length,
      told_at_least: Math.min(...told),
    },
  };
}
