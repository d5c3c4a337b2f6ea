import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
  type LabHost,
  labObstacle,
  NetworkLab,
} from "../support/network_lab.ts";
import { start, temporaryDirectory } from "../support/programs.ts";
import { programCommand } from "../support/shipped_programs.ts";
import { compareModes, throttleObstacle } from "../support/throttled.ts";
import {
  type Limit,
  median,
  missing,
  OURS,
  type Part,
  type Row,
  single,
  sleep,
  takeTurns,
  timed,
} from "./part.ts";
import { findByZeroconf, zeroconfPython } from "./zeroconf.ts";
import { output } from "./processes.ts";

const IMAGE = "bench/arm64";
const PORT = "8080";
/** A rack boots. */
const STORM = { clients: 40, withinMs: 200 };
const WAITING_RUNS = 5;
const LAB_PROGRAMS = ["avahi-daemon", "avahi-browse", "avahi-publish"];

/** The first service that avahi has resolved; the daemon runs already. */
const BROWSE = `exec 3< <(exec stdbuf -oL avahi-browse -rp _phase-image._tcp)
pid=$!; grep -m1 '^=' <&3 >/dev/null; found=$?; kill $pid; exit $found`;

interface Lab {
  readonly network: NetworkLab;
  readonly root: string;
  /** The arguments of plasmd. */
  readonly serve: (...more: string[]) => string[];
  /** A whole command. */
  readonly discover: (...more: string[]) => [string, ...string[]];
}

/**
 * How long an image takes to be found on a LAN, manifest fetched and signature
 * checked, from the start of a process to its end: in network namespaces, which
 * takes root and avahi; on loopback where those are not had.
 */
export const lanPart: Part = {
  name: "lan",
  budgetSeconds: 100,
  async run(limit) {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const commands = await makeImage(root);
    const slow = () => onSlowProcessor(root, commands);
    const obstacle = labObstacle([...LAB_PROGRAMS, "dbus-daemon", "stdbuf"]);
    if (obstacle !== undefined) {
      return [
        ...await onLoopback(root, commands, { obstacle, limit }),
        ...await slow(),
      ];
    }
    await using network = await NetworkLab.open();
    const lab = { network, root, ...commands };
    const rows = await inNamespaces(lab, limit);
    return [...rows, await waiting(lab), ...await slow()];
  },
};

type Commands = Pick<Lab, "serve" | "discover">;

async function makeImage(root: string): Promise<Commands> {
  await makeFiles(root, { [`artifacts/${IMAGE}/vmlinuz`]: 1000 });
  const key = join(root, "signing.pem");
  const plasmd = programCommand("plasmd");
  await output([...plasmd, "key", "generate", "--out", key]);
  const show = ["key", "show", "--signing-key", key, "--format", "hex"];
  const publicKey = (await output([...plasmd, ...show])).trim();
  const image = ["--channel", "bench", "--arch", "arm64"];
  return {
    serve: (...more) => [
      ...["serve", "--artifacts", join(root, "artifacts"), ...image],
      ...["--signing-key", key, ...more],
    ],
    discover: (...more) => [
      ...programCommand("phase_discover"),
      ...[...image, "--key", publicKey, "--timeout", "60", ...more],
    ],
  };
}

const EMPTY: [string, ...string[]] = [Deno.execPath(), "eval", "0"];

/** Two LANs: on one we answer, on the other avahi does. */
async function inNamespaces(lab: Lab, limit: Limit): Promise<Row[]> {
  const { network, discover } = lab;
  const [client, avahiClient] = await twoLans(lab);
  const browser = await network.hostOn("ours", "10.77.0.3/24");
  await browser.startAvahi("browser");
  const python = await zeroconfPython(lab.root);
  const found = () => timed(() => client.exec(...discover()));
  await untilFound(() => client.exec(...discover()));
  await untilFound(() => avahiClient.exec(...discover()));
  const rows = await takeTurns([{
    name: "found on the LAN, from process start",
    unit: "ms",
    programs: {
      [OURS]: found,
      "empty Deno program": () => timed(() => client.exec(...EMPTY)),
      "avahi-browse": () => timed(() => browser.exec("bash", "-c", BROWSE)),
      ...!("why" in python) && {
        "python-zeroconf": () => timed(() => findByZeroconf(python, client)),
      },
    },
    skipped: { ..."why" in python && { "python-zeroconf": python.why } },
  }], limit);
  return [
    ...rows,
    ...await aboveEmpty(client, avahiClient, lab, limit),
    await storm(() => client.exec(...discover())),
  ];
}

async function twoLans({ network, serve, root }: Lab) {
  const ours = await network.lan("ours");
  const theirs = await network.lan("theirs");
  const provider = await network.hostOn(ours, "10.77.0.1/24");
  const client = await network.hostOn(ours, "10.77.0.2/24");
  const avahi = await network.hostOn(theirs, "10.78.0.1/24");
  const avahiClient = await network.hostOn(theirs, "10.78.0.2/24");
  const common = (name: string) =>
    ["--no-dht", "--port", PORT, "--state-dir", join(root, name)] as const;
  const plasmd = programCommand("plasmd");
  provider.start(...plasmd, ...serve(...common("a")));
  avahi.start(...plasmd, ...serve("--no-mdns", ...common("b")));
  await avahi.startAvahi("publisher");
  avahi.start(
    ...["avahi-publish", "-s"] as const,
    "--subtype=_bench-arm64._sub._phase-image._tcp",
    ...["bench", "_phase-image._tcp", PORT, "channel=bench", "arch=arm64"],
    `manifest=http://10.78.0.1:${PORT}/${IMAGE}/manifest.json`,
    "version=1",
  );
  return [client, avahiClient] as const;
}

/** More runs than the other rows have: it takes some for a 95th percentile. */
async function aboveEmpty(
  client: LabHost,
  avahiClient: LabHost,
  { discover }: Lab,
  { rounds }: Limit,
): Promise<Row[]> {
  const emptyMs: number[] = [];
  const oursMs: number[] = [];
  const avahiMs: number[] = [];
  for (let i = -2; i < 4 * rounds; i++) {
    const times = [
      await timed(() => client.exec(...EMPTY)),
      await timed(() => client.exec(...discover())),
      await timed(() => avahiClient.exec(...discover())),
    ] as const;
    if (i < 0) continue;
    emptyMs.push(times[0]);
    oursMs.push(times[1]);
    avahiMs.push(times[2]);
  }
  const floorMs = median(emptyMs);
  const p95 =
    oursMs.toSorted((a, b) => a - b)[Math.floor(0.95 * oursMs.length)];
  const row = (name: string, ms: number): Row => ({
    ...single(name, "ms", ms - floorMs),
    rounds: 4 * rounds,
  });
  return [
    row("discovery above an empty program, p50", median(oursMs)),
    row("discovery above an empty program, p95", p95 ?? NaN),
    row(
      "discovery beside avahi-publish above an empty program",
      median(avahiMs),
    ),
  ];
}

/** Starts the clients of a whole rack, spread over a moment. */
async function storm(client: () => Promise<unknown>): Promise<Row> {
  const { clients, withinMs } = STORM;
  const found = await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      await sleep(i * withinMs / clients);
      return await client().then(() => true, () => false);
    }),
  );
  const count = found.filter((isFound) => isFound).length;
  return single("40 clients at once, found by", "clients", count);
}

/** From the start of a provider's process to the end of a client that waits. */
async function waiting({ network, root, serve, discover }: Lab): Promise<Row> {
  const name = "a client that waits for a provider's start";
  const waitedMs: number[] = [];
  for (let i = 0; i < WAITING_RUNS; i++) {
    const [late, client] = await network.twoHosts();
    const found = client.exec(...discover());
    await sleep(1500);
    const startMs = performance.now();
    const state = join(root, "late");
    const provider = late.start(
      ...programCommand("plasmd"),
      ...serve("--no-dht", "--port", PORT, "--state-dir", state),
    );
    await found;
    waitedMs.push(performance.now() - startMs);
    await provider.end("SIGKILL");
  }
  return { ...single(name, "ms", median(waitedMs)), rounds: WAITING_RUNS };
}

async function onLoopback(
  root: string,
  { serve, discover }: Commands,
  { obstacle, limit }: { readonly obstacle: string; readonly limit: Limit },
): Promise<Row[]> {
  await using _provider = start(
    "plasmd",
    serve(
      ...["--no-dht", "--interface", "lo", "--port", "0"],
      ...["--state-dir", join(root, "a")],
    ),
  );
  const client = () => output(discover("--interface", "lo"));
  await untilFound(client);
  const rows = await takeTurns([{
    name: "found on loopback, from process start",
    unit: "ms",
    programs: {
      [OURS]: () => timed(client),
      "empty Deno program": () => timed(() => output(EMPTY)),
    },
    skipped: { "a LAN": obstacle },
  }], limit);
  return [...rows, await storm(client)];
}

/** Compares the modes, on loopback, with a provider that is a DHT node too. */
async function onSlowProcessor(
  root: string,
  { serve, discover }: Commands,
): Promise<Row[]> {
  const name = "auto to lan on a slow processor";
  const obstacle = throttleObstacle();
  if (obstacle !== undefined) return [missing(name, "times", obstacle)];
  await using provider = start(
    "plasmd",
    serve(
      ...["--interface", "lo", "--port", "0", "--p2p-port", "0"],
      ...["--state-dir", join(root, "slow")],
    ),
  );
  await provider.line(/Advertising /);
  const client = discover("--interface", "lo");
  await untilFound(() => output(client));
  const compared = await compareModes(client, { rounds: 7, limit: 1.3 });
  return [{
    ...single(name, "times", compared.ratio),
    rounds: compared.lanMs.length,
  }];
}

/** Waits until a client finds the image. */
async function untilFound(client: () => Promise<unknown>): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      await client();
      return;
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}
