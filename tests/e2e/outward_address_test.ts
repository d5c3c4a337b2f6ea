/**
 * Which address a provider with two links tells the DHT, by the bundle with
 * the permissions that users give it: it can read no routes.
 */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import { type LabProgram, until } from "../support/lab_program.ts";
import {
  type LabHost,
  labTest,
  type NetworkLab,
} from "../support/network_lab.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { programInShell } from "../support/shipped_programs.ts";

const [FIRST, SECOND] = ["http://10.1.0.1:8080", "http://10.2.0.1:8080"];

/**
 * A provider on two LANs, each with a router to a third one where everybody
 * else is.
 */
interface TwoLinks {
  readonly provider: LabHost;
  /** A host on the provider's second LAN. */
  readonly neighbour: LabHost;
  /** 10.3.0.2, beyond the routers 10.1.0.254 and 10.2.0.254. */
  readonly far: LabHost;
}

async function twoLinks(lab: NetworkLab): Promise<TwoLinks> {
  const [first, second, beyond] = [
    await lab.lan("first"),
    await lab.lan("second"),
    await lab.lan("beyond"),
  ];
  const router = await lab.hostOn(beyond, "10.3.0.1/24");
  await router.plug("e1", first, "10.1.0.254/24");
  await router.plug("e2", second, "10.2.0.254/24");
  await router.exec("sysctl", "-qw", "net.ipv4.ip_forward=1");
  const provider = await lab.hostOn(first, "10.1.0.1/24");
  await provider.plug("e1", second, "10.2.0.1/24");
  const neighbour = await lab.hostOn(second, "10.2.0.2/24");
  const far = await lab.hostOn(beyond, "10.3.0.2/24");
  await far.exec("ip", ..."route add default via 10.3.0.1".split(" "));
  return { provider, neighbour, far };
}

/** The programs of one lab, with an image to offer. */
class Programs {
  constructor(readonly directory: string) {}

  static async open(directory: string): Promise<Programs> {
    await makeFiles(`${directory}/artifacts`, {
      "stable/arm64/vmlinuz": 1 << 16,
    });
    return new Programs(directory);
  }

  /** Starts a command of `plasmd`, without mDNS where it has any. */
  plasmd(host: LabHost, command: string, ...args: string[]): LabProgram {
    const script = `exec ${programInShell("plasmd")} ${command} ` +
      `--state-dir ${this.directory}/${command} "$@" 2>&1`;
    return host.start("sh", "-c", script, "sh", ...args);
  }

  serve(host: LabHost, ...args: string[]): LabProgram {
    const own = [
      ...["--artifacts", `${this.directory}/artifacts`, "--no-mdns"],
      ...["--channel", "stable", "--arch", "arm64"],
    ];
    return this.plasmd(host, "serve", ...own, ...args);
  }

  /** The provider that the record names, as a client on a host is told. */
  async recordedUrl(host: LabHost, bootstrap: string): Promise<string> {
    const told = await host.exec(
      "sh",
      "-c",
      `${programInShell("phase_discover")} --mode wan --explain ` +
        `--channel stable --arch arm64 --timeout 3 --bootstrap ${bootstrap} ` +
        `2>&1 || true`,
    );
    const url = /http:\/\/[\d.]+:8080/.exec(told)?.[0];
    assert.ok(url !== undefined, told);
    return url;
  }
}

/** The multiaddr that a node logs, by its address on one LAN. */
async function nodeOn(lan: string, program: LabProgram): Promise<string> {
  const line = await program.line("DHT node ", 20_000);
  const found = line.split(" ").find((word) => word.startsWith(`/ip4/${lan}`));
  assert.ok(found !== undefined, line);
  return found;
}

function setRoute(host: LabHost, route: string): Promise<string> {
  return host.exec("ip", "route", "replace", ...route.split(" "));
}

labTest(
  "without a peer the DHT is told the address of the default route, also when that moves, and nothing is sent to learn it",
  [],
  async (lab) => {
    const { provider, neighbour } = await twoLinks(lab);
    await setRoute(provider, "default via 10.2.0.254");
    await using directory = await temporaryDirectory();
    const programs = await Programs.open(directory.path);
    const serving = programs.serve(provider);
    const bootstrap = await nodeOn("10.2.0", serving);
    await until(
      "the record names the second link",
      async () => await programs.recordedUrl(neighbour, bootstrap) === SECOND,
      20_000,
    );
    // Nothing was multicast: the kernel counts what no program waits for, too.
    const udp = await neighbour.exec("sh", "-c", "grep ^Udp: /proc/net/snmp");
    const [names = "", counts = ""] = udp.trim().split("\n");
    assert.match(names, / IgnoredMulti( |$)/);
    assert.match(counts, /^Udp:( 0)+$/);

    await setRoute(provider, "default via 10.1.0.254");
    await until(
      "the record names the first link",
      async () => await programs.recordedUrl(neighbour, bootstrap) === FIRST,
      40_000,
    );
  },
);

labTest(
  "peers beyond the default route are told its address",
  [],
  async (lab) => {
    const { provider, far } = await twoLinks(lab);
    await setRoute(provider, "default via 10.2.0.254");
    await using directory = await temporaryDirectory();
    const programs = await Programs.open(directory.path);
    const meeting = programs.plasmd(far, "bootstrap");
    const bootstrap = await nodeOn("10.3.0", meeting);
    const serving = programs.serve(provider, "--bootstrap", bootstrap);
    await serving.line("INFO Advertising stable/arm64", 20_000);
    assert.equal(await programs.recordedUrl(far, bootstrap), SECOND);
  },
);

labTest(
  "peers that another route leads to are told the address that it leaves by",
  [],
  async (lab) => {
    const { provider, far } = await twoLinks(lab);
    await setRoute(provider, "default via 10.1.0.254");
    await setRoute(provider, "10.3.0.0/24 via 10.2.0.254");
    await using directory = await temporaryDirectory();
    const programs = await Programs.open(directory.path);
    const meeting = programs.plasmd(far, "bootstrap");
    const bootstrap = await nodeOn("10.3.0", meeting);
    const serving = programs.serve(provider, "--bootstrap", bootstrap);
    await serving.line("INFO Advertising stable/arm64", 20_000);
    await until(
      "the record names the second link",
      async () => await programs.recordedUrl(far, bootstrap) === SECOND,
      20_000,
    );
  },
);
