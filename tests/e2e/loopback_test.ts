/** What `--interface lo` keeps on loopback: everything, the DHT included. */
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

const IMAGE = ["--channel", "stable", "--arch", "arm64"];

/** Starts a node for others to join through, and waits for its address. */
async function bootstrapNode(
  host: LabHost,
  root: string,
  ...args: string[]
): Promise<RunningProgram & { readonly address: string }> {
  const node = start("plasmd", [
    ...["bootstrap", "--state-dir", root, "--p2p-port", "0", ...args],
  ], { prefix: host.prefix });
  const [, address = ""] = await node.line(/DHT node (\S+)/);
  return { ...node, address };
}

/** Starts a provider that is in the DHT alone. */
async function serve(
  host: LabHost,
  root: string,
  ...args: string[]
): Promise<RunningProgram> {
  await makeFiles(`${root}/artifacts`, { "stable/arm64/vmlinuz": 1 << 16 });
  return start("plasmd", [
    ...["serve", "--artifacts", `${root}/artifacts`, ...IMAGE, "--no-mdns"],
    ...["--state-dir", `${root}/state`, "--p2p-port", "0", ...args],
  ], { prefix: host.prefix });
}

function discover(host: LabHost, ...args: string[]): Promise<Ended> {
  return run("phase_discover", [
    ...[...IMAGE, "--mode", "wan", "--quiet", "--explain", ...args],
  ], { prefix: host.prefix });
}

/** Bytes that have left an interface. */
async function sentBytes(host: LabHost, name: string): Promise<number> {
  const [link] = JSON.parse(
    await host.exec("ip", "-json", "-statistics", "link", "show", name),
  );
  return link.stats64.tx.bytes;
}

labTest(
  "--interface lo keeps the DHT of both programs on loopback",
  [],
  async (lab) => {
    const [host, other] = await lab.twoHosts();
    // What the system sends by itself would be counted too.
    await host.exec("sysctl", "-qw", "net.ipv6.conf.e0.disable_ipv6=1");
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await using beyond = await bootstrapNode(other, `${root}/beyond`);
    await using near = await bootstrapNode(
      host,
      `${root}/near`,
      "--interface",
      "lo",
    );
    assert.match(near.address, /^\/ip4\/127\.0\.0\.1\//);
    const before = await sentBytes(host, "e0");
    await using provider = await serve(host, `${root}/provider`, ...[
      ...["--interface", "lo", "--bootstrap", near.address],
      ...["--bootstrap", beyond.address],
      ...["--bootstrap", "/dnsaddr/bootstrap.example.org"],
    ]);
    await provider.line(
      /WARN The DHT is not joined through \/ip4\/10\.77\.0\.2/,
    );
    await provider.line(/Advertising stable\/arm64/);
    const found = await discover(host, ...[
      ...["--interface", "lo", "--bootstrap", near.address, "--timeout", "10"],
      ...["--bootstrap", beyond.address],
    ]);
    assert.equal(found.code, 0, found.stderr);
    assert.match(found.stdout, /^http:\/\/127\.0\.0\.1:8080\//);
    const none = await discover(host, ...[
      ...["--interface", "lo", "--bootstrap", beyond.address, "--timeout", "2"],
    ]);
    assert.equal(none.code, 3);
    assert.match(
      none.stderr,
      /10\.77\.0\.2\S* cannot be asked: it is not on loopback/,
    );
    assert.equal(await sentBytes(host, "e0"), before);
  },
);

labTest(
  "--interface with an address of IPv6 is where HTTP and the DHT are found",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24", "fd77::1/64");
    const client = await lab.hostOn(lan, "fd77::9/64");
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await using node = await bootstrapNode(
      client,
      `${root}/node`,
      "--interface",
      "fd77::9",
    );
    assert.match(node.address, /^\/ip6\/fd77::9\/tcp\//);
    await using provider = await serve(server, `${root}/provider`, ...[
      ...["--interface", "fd77::1", "--bootstrap", node.address],
    ]);
    await provider.line(/Advertising stable\/arm64/);
    const found = await discover(client, ...[
      ...["--interface", "fd77::9", "--bootstrap", node.address],
    ]);
    assert.equal(
      found.stdout.trim(),
      "http://[fd77::1]:8080/stable/arm64/manifest.json",
      found.stderr,
    );
  },
);

/** Hosts that are left with loopback alone, and why they say that is. */
const LEFT_ALONE = [
  {
    name: "an interface with a link-local address of IPv6 alone",
    commands: [],
    args: [],
    reason: /\(e0 is up but has no address beyond fe80::[0-9a-f:]+\)/,
  },
  {
    name: "a bridge of Docker's alone",
    commands: [
      "link set e0 down",
      "link add docker0 type bridge",
      "address add 172.17.0.1/16 dev docker0",
      "link set docker0 up",
    ],
    args: [],
    reason: /\(docker0 leads to containers\)/,
  },
  {
    name: "the only interface excluded",
    commands: ["address add 10.77.0.1/24 dev e0"],
    args: ["--interface", "!e0"],
    reason: /\(e0 is excluded\)/,
  },
];

for (const { name, commands, args, reason } of LEFT_ALONE) {
  labTest(
    `loopback alone is a warning of both programs: ${name}`,
    [],
    async (lab) => {
      const host = await lab.hostOn(await lab.lan("br0"));
      for (const command of commands) {
        await host.exec("ip", ...command.split(" "));
      }
      await using directory = await temporaryDirectory();
      const warnings = async (...args: string[]) => {
        const root = `${directory.path}/${args.length}${args[1]}`;
        await makeFiles(`${root}/artifacts`, { "stable/arm64/vmlinuz": 1000 });
        await using provider = start("plasmd", [
          ...["serve", "--artifacts", `${root}/artifacts`, "--no-dht"],
          ...["--state-dir", `${root}/state`, ...IMAGE, ...args],
        ], { prefix: host.prefix });
        await provider.line(/Advertising stable\/arm64/);
        const found = await run("phase_discover", [
          ...[...IMAGE, "--mode", "lan", "--timeout", "5", ...args],
        ], { prefix: host.prefix });
        assert.equal(found.code, 0, found.stderr);
        return [...provider.lines(), ...found.stderr.split("\n")]
          .filter((line) => line.startsWith("WARN mdns"));
      };
      const [served, asked, ...rest] = await warnings(...args);
      assert.match(served ?? "", /^WARN mdns only loopback can be used /);
      assert.match(served ?? "", reason);
      assert.match(served ?? "", /nobody on the LAN finds the images$/);
      assert.match(asked ?? "", /^WARN mdns only loopback can be used /);
      assert.match(asked ?? "", reason);
      assert.deepEqual(rest, []);
      assert.deepEqual(await warnings("--interface", "lo"), []);
    },
  );
}

labTest(
  "an interface that is excluded is not used",
  [],
  async (lab) => {
    const [office, rack] = [await lab.lan("office"), await lab.lan("rack")];
    const server = await lab.hostOn(office, "10.77.0.1/24");
    await server.plug("e1", rack, "10.78.0.1/24");
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await makeFiles(`${root}/artifacts`, { "stable/arm64/vmlinuz": 1000 });
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", `${root}/artifacts`, "--no-dht"],
      ...["--state-dir", `${root}/state`, ...IMAGE, "--interface", "!e0"],
    ], { prefix: server.prefix });
    await provider.line(/mdns e1 10\.78\.0\.1 established/);
    const find = async (lan: string, address: string) => {
      const { code, stdout } = await run("phase_discover", [
        ...[...IMAGE, "--mode", "lan", "--timeout", "2", "--quiet"],
      ], { prefix: (await lab.hostOn(lan, address)).prefix });
      return `${code} ${stdout.trim()}`;
    };
    const url = "http://10.78.0.1:8080/stable/arm64/manifest.json";
    assert.equal(await find(rack, "10.78.0.9/24"), `0 ${url}`);
    assert.equal(await find(office, "10.77.0.9/24"), "3 ");
  },
);
