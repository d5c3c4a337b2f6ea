/** The DHT between machines of several networks. */
import assert from "node:assert/strict";
import type { LabProgram } from "../support/lab_program.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import { makeFiles } from "../support/image_tree.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { programInShell } from "../support/shipped_programs.ts";

const IMAGE = ["--channel", "stable", "--arch", "arm64"];

/** A program whose log is read line by line. */
function start(host: LabHost, ...args: string[]): LabProgram {
  const script = `exec ${programInShell("plasmd")} "$@" 2>&1`;
  return host.start("sh", "-c", script, "sh", ...args);
}

/** `plasmd serve` of one image. */
async function serve(
  host: LabHost,
  root: string,
  ...args: string[]
): Promise<LabProgram> {
  const artifacts = `${root}/artifacts`;
  await makeFiles(artifacts, { "stable/arm64/vmlinuz": 1 << 16 });
  return start(
    host,
    "serve",
    ...["--artifacts", artifacts, "--state-dir", `${root}/provider`],
    ...[...IMAGE, ...args],
  );
}

async function discover(
  host: LabHost,
  ...args: string[]
): Promise<Record<string, unknown>> {
  const script = `${programInShell("phase_discover")} "$@" 2>/dev/null`;
  const options = [...IMAGE, "--format", "json", "--timeout", "15", ...args];
  return JSON.parse(await host.exec("sh", "-c", script, "sh", ...options));
}

/** The multiaddr that a node logs. */
async function addressOf(program: LabProgram): Promise<string> {
  const line = await program.line("DHT node ", 20_000);
  return /DHT node (\S+)/.exec(line)?.[1] ?? "";
}

labTest(
  "machines with public addresses tell each other of them",
  [],
  async (lab) => {
    // libp2p by itself keeps quiet about a public address that nobody confirmed.
    const internet = await lab.lan("internet");
    const meetingHost = await lab.hostOn(internet, "1.2.3.4/24");
    const providerHost = await lab.hostOn(internet, "1.2.3.5/24");
    const clientHost = await lab.hostOn(internet, "1.2.3.6/24");
    await using directory = await temporaryDirectory();
    const root = directory.path;

    const meeting = start(
      meetingHost,
      "bootstrap",
      ...["--state-dir", `${root}/meeting`],
    );
    const bootstrap = ["--bootstrap", await addressOf(meeting)];
    assert.match(bootstrap[1] ?? "", /^\/ip4\/1\.2\.3\.4\/tcp\/4001\/p2p\//);
    const provider = await serve(
      providerHost,
      root,
      ...["--no-mdns", ...bootstrap],
    );
    await provider.line("INFO Advertising stable/arm64", 20_000);

    const found = await discover(clientHost, "--mode", "wan", ...bootstrap);
    assert.equal(
      found.manifest_url,
      "http://1.2.3.5:8080/stable/arm64/manifest.json",
    );
  },
);

labTest(
  "two LAN providers form a DHT, and a client beyond the reach of one finds its image through the other, without any bootstrap node",
  [],
  async (lab) => {
    // Multicast ends at the router: the client hears of the near provider
    // only, and of the far one's image over the near one's DHT node.
    const [far, near] = [await lab.lan("far"), await lab.lan("near")];
    const router = await lab.host();
    await router.plug("e0", far, "10.77.1.1/24");
    await router.plug("e1", near, "10.77.2.1/24");
    await router.exec("sysctl", "-qw", "net.ipv4.ip_forward=1");
    const farHost = await lab.hostOn(far, "10.77.1.2/24");
    const clientHost = await lab.hostOn(near, "10.77.2.2/24");
    await farHost.exec("ip", "route", "add", "default", "via", "10.77.1.1");
    await clientHost.exec("ip", "route", "add", "default", "via", "10.77.2.1");
    await using directory = await temporaryDirectory();
    const root = directory.path;

    // The near provider has a leg in both networks, and another image.
    await makeFiles(`${root}/other`, { "testing/arm64/vmlinuz": 1 << 16 });
    const nearProvider = start(
      router,
      "serve",
      ...["--artifacts", `${root}/other`, "--state-dir", `${root}/near`],
      ...["--channel", "testing", "--arch", "arm64"],
    );
    const farProvider = await serve(farHost, root);
    await nearProvider.line("INFO Advertising testing/arm64", 20_000);
    await farProvider.line("INFO Advertising stable/arm64", 20_000);

    const found = await discover(clientHost);
    assert.equal(found.source, "dht");
    assert.equal(
      found.manifest_url,
      "http://10.77.1.2:8080/stable/arm64/manifest.json",
    );
  },
);

/** Exit code and what went to stderr. */
async function failToDiscover(
  host: LabHost,
  ...args: string[]
): Promise<string> {
  const script = `${
    programInShell("phase_discover")
  } "$@" 2>&1 >/dev/null; echo "exit $?"`;
  const options = [...IMAGE, "--timeout", "8", ...args];
  return await host.exec("sh", "-c", script, "sh", ...options);
}

labTest(
  "a provider behind a firewall says so within a minute, and is not ready by the DHT, until it is opened",
  ["nft"],
  async (lab) => {
    const lan = await lab.lan("lan");
    const meetingHost = await lab.hostOn(lan, "10.77.1.1/24");
    const providerHost = await lab.hostOn(lan, "10.77.1.2/24");
    const clientHost = await lab.hostOn(lan, "10.77.1.3/24");
    await using directory = await temporaryDirectory();
    const root = directory.path;
    for (
      const rule of [
        ["add", "table", "inet", "wall"],
        [
          "add",
          "chain",
          "inet",
          "wall",
          "in",
          "{ type filter hook input priority 0; }",
        ],
        ["add", "rule", "inet", "wall", "in", "iif", "lo", "accept"],
        [
          "add",
          "rule",
          "inet",
          "wall",
          "in",
          "ct",
          "state",
          "established,related",
          "accept",
        ],
        ["add", "rule", "inet", "wall", "in", "tcp", "flags", "syn", "drop"],
      ]
    ) await providerHost.exec("nft", ...rule);

    const meeting = start(
      meetingHost,
      "bootstrap",
      ...["--state-dir", `${root}/meeting`],
    );
    const bootstrap = ["--bootstrap", await addressOf(meeting)];
    const provider = await serve(
      providerHost,
      root,
      ...["--no-mdns", "--port", "8080", ...bootstrap],
    );
    await provider.line(
      "WARN Other DHT nodes cannot connect to /ip4/10.77.1.2/tcp/4001",
      60_000,
    );
    const ready = ["curl", "-s", "http://10.77.1.2:8080/ready"] as const;
    assert.match(await providerHost.exec(...ready), /not found by DHT yet/);
    const said = await failToDiscover(
      clientHost,
      "--mode",
      "wan",
      ...bootstrap,
    );
    assert.match(said, /exit 3$/m);
    assert.match(said, /none could be reached|does not answer/);

    await providerHost.exec("nft", "flush", "ruleset");
    await provider.line(
      "Other DHT nodes can connect to this machine",
      60_000,
    );
    await provider.line("INFO Advertising stable/arm64", 60_000);
    assert.doesNotMatch(await providerHost.exec(...ready), /not found/);
  },
);
