/**
 * The public DHT of IPFS, as small as it can be: nodes of go-libp2p, configured
 * as kubo's, at addresses that look public, in network namespaces. Needs Go and
 * its modules, Linux and root.
 */
import assert from "node:assert/strict";
import { buildGoNode, GoNode, goObstacle } from "../support/go_node.ts";
import { makeFiles } from "../support/image_tree.ts";
import { type LabProgram, until } from "../support/lab_program.ts";
import {
  type LabHost,
  labObstacle,
  NetworkLab,
} from "../support/network_lab.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { programInShell } from "../support/shipped_programs.ts";

const IMAGE = ["--channel", "stable", "--arch", "arm64"];
const KEY = "/phase/stable/arm64/manifest";
const AMINO = ["--dht-network", "amino"];

const obstacle = labObstacle(["curl", "nft"]) ?? await goObstacle();

/** A network that has the addresses of the internet, and its first nodes. */
interface Internet {
  readonly lab: NetworkLab;
  readonly lan: string;
  /** A file. */
  readonly goNode: string;
  /** A directory. */
  readonly root: string;
  readonly first: GoNode;
  /** Leads to the first node. */
  readonly bootstrap: readonly string[];
}

/** Registers a test; where it cannot run, it is skipped and says why. */
function aminoTest(
  name: string,
  body: (internet: Internet) => Promise<void>,
): void {
  Deno.test({
    name: obstacle === undefined ? name : `${name} (skipped: ${obstacle})`,
    ignore: obstacle !== undefined,
    async fn() {
      await using directory = await temporaryDirectory();
      const goNode = `${directory.path}/go_kad_dht`;
      await buildGoNode(goNode);
      await using lab = await NetworkLab.open();
      const lan = await lab.lan("internet");
      const host = await lab.hostOn(lan, "11.1.0.1/8");
      // The last test has a machine with a private address on the same cable.
      await host.exec("ip", "route", "add", "10.77.0.0/24", "dev", "e0");
      await using first = startGo(goNode, host, "11.1.0.1");
      const address = (await first.answer()).addresses?.[0] ?? "";
      const bootstrap = ["--bootstrap", address];
      const root = directory.path;
      await body({ lab, lan, goNode, root, first, bootstrap });
    },
  });
}

function startGo(goNode: string, host: LabHost, address: string): GoNode {
  const listen = `/ip4/${address}/tcp/4001`;
  return new GoNode(...host.prefix, goNode, "--amino", "--listen", listen);
}

/** One that knows the first, by which others come to know it. */
async function joinGo(
  { lab, lan, goNode, bootstrap: [, first = ""] }: Internet,
  address: string,
): Promise<{ readonly go: GoNode; readonly peerId: string }> {
  const host = await lab.hostOn(lan, `${address}/8`);
  const go = startGo(goNode, host, address);
  const { peer_id: peerId = "" } = await go.answer();
  const joined = await go.command({ do: "connect", address: first });
  assert.equal(joined.error, undefined);
  return { go, peerId };
}

function start(
  host: LabHost,
  program: "plasmd" | "phase_discover",
  ...args: string[]
): LabProgram {
  const script = `exec ${programInShell(program)} "$@" 2>&1`;
  return host.start("sh", "-c", script, "sh", ...args);
}

/** `plasmd serve` of one image. */
async function serve(
  host: LabHost,
  { root, bootstrap }: Internet,
  ...args: string[]
): Promise<{ readonly program: LabProgram; readonly peerId: string }> {
  await makeFiles(`${root}/artifacts`, { "stable/arm64/vmlinuz": 1 << 16 });
  const program = start(
    host,
    "plasmd",
    "serve",
    ...["--artifacts", `${root}/artifacts`, "--state-dir", `${root}/provider`],
    ...["--no-mdns", ...IMAGE, ...AMINO, ...bootstrap, ...args],
  );
  const line = await program.line("DHT node ", 20_000);
  return { program, peerId: /12D3\w+/.exec(line)?.[0] ?? "" };
}

async function statusOf(
  host: LabHost,
  path: string,
): Promise<{ readonly code: string; readonly body: string }> {
  const url = `http://127.0.0.1:8080${path}`;
  const output = await host.exec("curl", "-s", "-w", "\n%{http_code}", url);
  const lines = output.trimEnd().split("\n");
  return { code: lines.pop() ?? "", body: lines.join("\n") };
}

async function table(go: GoNode): Promise<readonly string[]> {
  return (await go.command({ do: "table" })).peers ?? [];
}

aminoTest(
  "an image is told to the public DHT, found through it by us and by others, and its provider becomes one of its nodes",
  async (internet) => {
    const { lab, lan, first, bootstrap } = internet;
    const second = await joinGo(internet, "11.2.0.1");
    await using _second = second.go;
    const third = await joinGo(internet, "11.3.0.1");
    await using _third = third.go;
    const host = await lab.hostOn(lan, "11.4.0.1/8");
    const { program, peerId } = await serve(host, internet);
    await program.line("INFO Advertising stable/arm64", 20_000);

    // Another's look-up names it, by addresses that are public.
    const named = await third.go.command({ do: "providers", key: KEY });
    assert.deepEqual(named.peers, [peerId]);
    assert.deepEqual(named.addresses, ["/ip4/11.4.0.1/tcp/4001"]);
    const ready = await statusOf(host, "/ready");
    assert.equal(ready.code, "200", ready.body);

    // A client finds it by that alone: no node keeps a record of ours.
    const { error } = await first.command({ do: "get", key: KEY });
    assert.match(error ?? "", /invalid|not found/i);
    const client = await lab.hostOn(lan, "11.5.0.1/8");
    const script = `${programInShell("phase_discover")} "$@" 2>/dev/null`;
    const found = JSON.parse(
      await client.exec(
        ...["sh", "-c", script, "sh", ...IMAGE, "--mode", "wan"] as const,
        ...[...AMINO, ...bootstrap, "--format", "json", "--timeout", "15"],
      ),
    );
    assert.equal(found.source, "dht");
    assert.equal(found.peer_id, peerId);
    assert.equal(
      found.manifest_url,
      "http://11.4.0.1:8080/stable/arm64/manifest.json",
    );
    assert.ok(found.elapsed_ms < 5000, `found after ${found.elapsed_ms} ms`);

    // Others reach it, so it comes to be asked.
    await until(
      "it is in the table of the first node",
      async () => (await table(first)).includes(peerId),
      30_000,
    );
    // One that knows nobody else finds the others, and providers, through it.
    const late = await lab.hostOn(lan, "11.6.0.1/8");
    await using newcomer = startGo(internet.goNode, late, "11.6.0.1");
    await newcomer.answer();
    const address = `/ip4/11.4.0.1/tcp/4001/p2p/${peerId}`;
    const joined = await newcomer.command({ do: "connect", address });
    assert.equal(joined.error, undefined);
    await until(
      "the newcomer asks it",
      async () => (await table(newcomer)).includes(peerId),
    );
    const met = await newcomer.command({ do: "find", key: second.peerId });
    assert.equal(met.error, undefined);
    assert.deepEqual(met.peers, [second.peerId]);
    const told = await newcomer.command({ do: "providers", key: KEY });
    assert.ok(told.peers?.includes(peerId));
    const asked = (await statusOf(host, "/metrics")).body;
    for (const kind of ["find_node", "get_providers"]) {
      const counted = new RegExp(
        `plasmd_dht_requests_total\\{kind="${kind}",answered="true"\\} [1-9]`,
      );
      assert.match(asked, counted);
    }
  },
);

aminoTest(
  "a machine without a public address is asked nothing and announces nothing, and says so",
  async (internet) => {
    const { lab, lan, first } = internet;
    const second = await joinGo(internet, "11.2.0.1");
    await using _second = second.go;
    const host = await lab.hostOn(lan, "10.77.0.2/24");
    await host.exec("ip", "route", "add", "11.0.0.0/8", "dev", "e0");
    const { program, peerId } = await serve(host, internet);
    await program.line("which has no public address yet", 20_000);
    await program.line("this machine has no reachable public address", 20_000);
    const ready = await statusOf(host, "/ready");
    assert.equal(ready.code, "503", ready.body);
    // Several rounds of AutoNAT, and of looking for neighbours.
    await new Promise((resolve) => setTimeout(resolve, 8000));
    assert.ok(!(await table(first)).includes(peerId));
    assert.ok(!(await table(second.go)).includes(peerId));
    const named = await second.go.command({ do: "providers", key: KEY });
    assert.deepEqual(named.peers ?? [], []);
  },
);

aminoTest(
  "behind a router that forwards its port, a machine is told and found at the address that others see",
  async (internet) => {
    const { lab, lan, first } = internet;
    const second = await joinGo(internet, "11.2.0.1");
    await using _second = second.go;
    const router = await lab.hostOn(lan, "11.7.0.1/8");
    const inside = await lab.lan("inside");
    await router.plug("e1", inside, "192.168.7.1/24");
    await router.exec("sysctl", "-qw", "net.ipv4.ip_forward=1");
    for (
      const command of [
        "add table nat",
        "add chain nat out { type nat hook postrouting priority 100 ; }",
        "add rule nat out oifname e0 masquerade",
        "add chain nat in { type nat hook prerouting priority -100 ; }",
        "add rule nat in iifname e0 tcp dport 4001 dnat to 192.168.7.2",
      ]
    ) await router.exec("nft", ...command.split(" "));
    const host = await lab.hostOn(inside, "192.168.7.2/24");
    await host.exec("ip", "route", "add", "default", "via", "192.168.7.1");
    const at = ["--advertise-url", "http://11.7.0.1:8080"];
    const { program, peerId } = await serve(host, internet, ...at);
    await program.line("INFO Advertising stable/arm64", 60_000);
    const named = await second.go.command({ do: "providers", key: KEY });
    assert.deepEqual(named.peers, [peerId]);
    assert.deepEqual(named.addresses, ["/ip4/11.7.0.1/tcp/4001"]);
    await until(
      "it is in the table of the first node",
      async () => (await table(first)).includes(peerId),
      30_000,
    );
  },
);
