/**
 * Networks as they are: whatever a provider's or a client's network becomes,
 * the image is found within 5 s of that, by a client that has been waiting for
 * it and by one that starts then. The programs as their users run them.
 */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import {
  type Ended,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** What there is of a row's network. */
interface Network {
  readonly lan: string;
  readonly server: LabHost;
  readonly client: LabHost;
}

interface Row {
  readonly name: string;
  /** Sets the hosts up; the image cannot be found yet. */
  readonly before: (network: Network) => Promise<void>;
  /** It can from now on. */
  readonly change: (network: Network) => Promise<void>;
  /** The hosts that may stand in the URL, the ones of all links. */
  readonly found: readonly string[];
  /** Whether avahi, on the client, is to see one of them as well. */
  readonly isSeenByAvahi?: boolean;
}

/** Puts a provider and a client on a wire that passes nothing yet. */
function apart(
  serverAddresses: readonly string[],
  clientAddresses: readonly string[],
): Row["before"] {
  return async ({ lan, server, client }) => {
    await server.plug("e0", lan, ...serverAddresses);
    await server.setPort("e0", "nomaster");
    await client.plug("e0", lan, ...clientAddresses);
  };
}

const together: Row["change"] = ({ lan, server }) =>
  server.setPort("e0", "master", lan);

/** Runs `ip` on a host. */
async function ip(host: LabHost, ...commands: string[]): Promise<void> {
  for (const command of commands) await host.exec("ip", ...command.split(" "));
}

async function rename(host: LabHost): Promise<void> {
  await ip(
    host,
    "link set e0 down",
    "link set e0 name lan0",
    "link set lan0 up",
  );
}

const SERVER = "10.77.0.1/24";
const CLIENT = "10.77.0.9/24";
const ROWS: readonly Row[] = [
  {
    name: "the provider's address comes late",
    before: apart([], [CLIENT]),
    async change(network) {
      await together(network);
      await ip(network.server, `address add ${SERVER} dev e0`);
    },
    found: ["10.77.0.1"],
  },
  {
    name: "the provider's carrier comes late",
    async before({ lan, server, client }) {
      await server.plug("e0", lan, SERVER);
      await server.setPort("e0", "down");
      await client.plug("e0", lan, CLIENT);
    },
    change: ({ server }) => server.setPort("e0", "up"),
    found: ["10.77.0.1"],
  },
  {
    name: "the provider's interface is renamed",
    before: apart([SERVER], [CLIENT]),
    async change(network) {
      await rename(network.server);
      await together(network);
    },
    found: ["10.77.0.1"],
    isSeenByAvahi: true,
  },
  {
    name: "the provider's address changes",
    before: apart([SERVER], [CLIENT]),
    async change(network) {
      await ip(
        network.server,
        "address add 10.77.0.3/24 dev e0",
        `address del ${SERVER} dev e0`,
        // The kernel takes the later addresses of a subnet with the first one.
        "address replace 10.77.0.3/24 dev e0",
      );
      await together(network);
    },
    found: ["10.77.0.3"],
    isSeenByAvahi: true,
  },
  {
    name: "IPv6 comes after IPv4, to a client that has nothing else",
    async before({ lan, server, client }) {
      await server.plug("e0", lan, SERVER);
      await client.plug("e0", lan, "fd77::9/64");
    },
    change: ({ server }) => ip(server, "address add fd77::1/64 dev e0 nodad"),
    found: ["[fd77::1]"],
  },
  {
    name: "there is IPv6 alone",
    before: apart(["2001:db8:77::1/64"], ["2001:db8:77::9/64"]),
    change: together,
    found: ["[2001:db8:77::1]"],
  },
  {
    name: "there are unique local addresses of IPv6 alone",
    before: apart(["fd77::1/64"], ["fd77::9/64"]),
    change: together,
    found: ["[fd77::1]"],
  },
  {
    name: "there are link-local addresses of IPv4 alone",
    before: apart(["169.254.3.1/16"], ["169.254.77.9/16"]),
    change: together,
    found: ["169.254.3.1"],
    isSeenByAvahi: true,
  },
  {
    name: "the subnet is a /31",
    before: apart(["10.77.0.0/31"], ["10.77.0.1/31"]),
    change: together,
    found: ["10.77.0.0"],
    isSeenByAvahi: true,
  },
  {
    name: "both have a /32 and routes to each other",
    async before(network) {
      const { server, client } = network;
      await apart(["10.77.0.1/32"], ["10.78.0.9/32"])(network);
      await ip(server, "route add 10.78.0.9 dev e0");
      await ip(client, "route add 10.77.0.1 dev e0");
    },
    change: together,
    found: ["10.77.0.1"],
    isSeenByAvahi: true,
  },
  {
    name: "the provider has two interfaces in one subnet",
    async before(network) {
      await apart([SERVER], [CLIENT])(network);
      await network.server.plug("e1", network.lan, "10.77.0.2/24");
      await network.server.setPort("e1", "nomaster");
    },
    async change(network) {
      await together(network);
      await network.server.setPort("e1", "master", network.lan);
    },
    found: ["10.77.0.1", "10.77.0.2"],
    isSeenByAvahi: true,
  },
  {
    name: "the provider's LAN is a bridge of its own, br-lan",
    async before(network) {
      await apart([], [CLIENT])(network);
      await ip(
        network.server,
        "link add br-lan type bridge",
        "link set e0 master br-lan",
        `address add ${SERVER} dev br-lan`,
        "link set br-lan up",
      );
    },
    change: together,
    found: ["10.77.0.1"],
    isSeenByAvahi: true,
  },
  {
    name: "the provider has 40 interfaces",
    async before(network) {
      await apart([SERVER], [CLIENT])(network);
      for (let i = 1; i < 40; i++) {
        await ip(
          network.server,
          `link add v${i} type veth peer name w${i}`,
          `address add 10.99.${i}.1/24 dev v${i}`,
          `link set v${i} up`,
          `link set w${i} up`,
        );
      }
    },
    change: together,
    found: ["10.77.0.1"],
  },
  {
    name: "the client's address comes late",
    async before({ lan, server, client }) {
      await server.plug("e0", lan, SERVER);
      await client.plug("e0", lan);
    },
    change: ({ client }) => ip(client, `address add ${CLIENT} dev e0`),
    found: ["10.77.0.1"],
  },
  {
    name: "the client's carrier comes late",
    async before({ lan, server, client }) {
      await server.plug("e0", lan, SERVER);
      await client.plug("e0", lan, CLIENT);
      await client.setPort("e0", "down");
    },
    change: ({ client }) => client.setPort("e0", "up"),
    found: ["10.77.0.1"],
  },
  {
    name: "the client's interface is renamed",
    async before({ lan, server, client }) {
      await server.plug("e0", lan, SERVER);
      await client.plug("e0", lan, CLIENT);
      await client.setPort("e0", "nomaster");
    },
    async change({ lan, client }) {
      await rename(client);
      await client.setPort("e0", "master", lan);
    },
    found: ["10.77.0.1"],
  },
  {
    name: "the client comes to the provider's subnet from another",
    async before({ lan, server, client }) {
      await server.plug("e0", lan, SERVER);
      await client.plug("e0", lan, "10.78.0.9/24");
    },
    change: ({ client }) =>
      ip(
        client,
        "address del 10.78.0.9/24 dev e0",
        `address add ${CLIENT} dev e0`,
      ),
    found: ["10.77.0.1"],
  },
];

/** Starts a provider, and waits until it serves. */
async function serve(host: LabHost, root: string): Promise<RunningProgram> {
  await makeFiles(`${root}/artifacts`, { "stable/arm64/vmlinuz": 1000 });
  const provider = start("plasmd", [
    ...["serve", "--artifacts", `${root}/artifacts`],
    ...["--state-dir", `${root}/state`, "--no-dht"],
  ], { prefix: host.prefix });
  await provider.line(/Found 1 channel\/arch/);
  return provider;
}

/** How `phase_discover` ended on a host, and when. */
async function discover(
  host: LabHost,
): Promise<Ended & { readonly endMs: number }> {
  const ended = await run("phase_discover", [
    ...["--channel", "stable", "--arch", "arm64", "--mode", "lan"],
    ...["--timeout", "20", "--quiet", "--explain"],
  ], { prefix: host.prefix });
  return { ...ended, endMs: performance.now() };
}

/** What is promised, and what the machine may be busy with besides. */
const PROMISED_MS = 5000;
const BUSY_MS = 3000;
/**
 * How long everything has been as it is before it changes: the provider has
 * just looked at its interfaces then, and looks again in 3 s.
 */
const WAITING_MS = 2700;

for (const { name, before, change, found, isSeenByAvahi = false } of ROWS) {
  const programs = isSeenByAvahi ? ["avahi-daemon", "dbus-daemon"] : [];
  labTest(`found within 5 s: ${name}`, programs, async (lab) => {
    const [server, client] = [await lab.host(), await lab.host()];
    const network = { lan: await lab.lan("br0"), server, client };
    await before(network);
    await using directory = await temporaryDirectory();
    await using provider = await serve(server, directory.path);
    const waiting = discover(client);
    await new Promise((resolve) => setTimeout(resolve, WAITING_MS));
    const changedMs = performance.now();
    await change(network);
    const starting = discover(client);
    const check = async (
      which: string,
      searching: ReturnType<typeof discover>,
    ) => {
      const { code, stdout, stderr, endMs } = await searching;
      const tookMs = endMs - changedMs;
      const said = `${which}:\n${stderr}\n${provider.lines().join("\n")}`;
      assert.equal(code, 0, said);
      assert.ok(found.includes(hostOf(stdout)), `${stdout}${said}`);
      assert.ok(
        tookMs > 0 && tookMs < PROMISED_MS + BUSY_MS,
        `${Math.round(tookMs)} ms, ${said}`,
      );
    };
    await Promise.all([
      check("the client that waited", waiting),
      check("the client that started then", starting),
    ]);
    if (isSeenByAvahi) await assertSeenByAvahi(client, found);
  });
}

/** Asserts that avahi resolves the instance to an address of the provider. */
async function assertSeenByAvahi(
  host: LabHost,
  found: readonly string[],
): Promise<void> {
  await host.startAvahi("stranger");
  const browsed = await host.exec("avahi-browse", "-rpt", "_phase-image._tcp");
  const addresses = browsed.split("\n").filter((line) => line.startsWith("="))
    .map((line) => line.split(";")[7] ?? "");
  assert.ok(addresses.some((one) => found.includes(one)), browsed);
}

/** The host of a printed URL; fails for what is none. */
function hostOf(stdout: string): string {
  return new URL(stdout.trim()).hostname;
}
