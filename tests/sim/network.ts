import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import { systemClock as clock } from "../../lib/core/clock.ts";
import {
  createKeyFile,
  generateSigningKey,
} from "../../lib/manifest/signing_key.ts";
import type { KadRequestCount } from "../../lib/net/dht/request_tally.ts";
import { commandOutput } from "../support/command_output.ts";
import { makeFiles } from "../support/image_tree.ts";
import { type RunningProgram, start } from "../support/programs.ts";
import type { HostileReady, HostileSettings } from "./hostile_process.ts";
import { NodeOrder } from "./node_orders.ts";
import type { NodeProcessReady, NodeProcessSettings } from "./node_process.ts";
import type {
  PublisherResult,
  PublisherSettings,
} from "./publisher_process.ts";
import { peakOf, type Usage, usageOf } from "./usage.ts";

/** The image that is published and looked for. */
export const IMAGE = { channel: "stable", arch: "arm64" };

/** A process that can fail. */
export interface Failing {
  /** As a power failure: no goodbye. */
  kill(): Promise<void>;
  /** As a hung machine: connections stay open, nothing is answered. */
  freeze(): void;
}

/** A process of simulated nodes. */
export interface NodeProcess extends NodeProcessReady, Failing {
  /** Waits until it has little to do. */
  settle(): Promise<void>;
  /** Has each node publish; to how many others. */
  publish(): Promise<number[]>;
  /** What it takes of the machine. */
  usage(): Promise<Usage>;
  /** What its nodes were asked, by kind. */
  requests(): Promise<KadRequestCount[]>;
}

/** `plasmd serve` or `plasmd bootstrap`. */
export interface Plasmd extends Failing {
  /** What it takes of the machine. */
  usage(): Promise<Usage>;
  /** Multiaddr of its DHT node. */
  readonly address: string;
  readonly peerId: string;
}

/** `plasmd serve`, once it has published. */
export interface Provider extends Plasmd {
  /** Of its manifest. */
  readonly manifestUrl: string;
  /** How many other nodes keep its record. */
  readonly storedAt: number;
  /** From the process's start until the first of them had it. */
  readonly publishedAfterMs: number;
}

/** How a provider differs from the others. */
export interface ProviderOptions {
  readonly bootstrap: readonly string[];
  /** Where its identity is; the same again: the same provider restarted. */
  readonly name: string;
  /** Signs with a key of its own, which no client trusts. */
  readonly isForger?: boolean;
  readonly ttlSeconds?: number;
  /** Which it is told to use. @default "lo" */
  readonly interfaceName?: string;
  /** An address that it listens on, in place of all of that interface. */
  readonly bind?: string;
  /** Of Kademlia. @default that of the programs */
  readonly protocol?: string | undefined;
}

/** What `phase_discover` said. */
export interface Lookup {
  /** Its exit code. */
  readonly code: number;
  /** From before the process was started until it had ended. */
  readonly elapsedMs: number;
  /** The most that it took, as far as was looked. */
  readonly memoryBytes: number;
  /** Best first. */
  readonly found: readonly { peer_id: string; manifest_url: string }[];
  /** Candidates that were not taken; not told with `--all`. */
  readonly refused: readonly { manifest_url: string; reason: string }[];
}

/** How `phase_discover` is called. */
export interface LookupOptions {
  readonly bootstrap: readonly string[];
  readonly all?: boolean;
  /** @default 15 */
  readonly timeoutSeconds?: number;
  /** Of Kademlia. @default that of the programs */
  readonly protocol?: string;
}

/** Where the processes run. */
export interface Machine {
  /** In front of each command, such as `ip netns exec NS`. */
  readonly prefix: readonly string[];
}

/** Nodes, providers and clients as processes, all ended with it. */
export class SimulatedNetwork implements AsyncDisposable {
  readonly #nodes = new Set<Deno.ChildProcess>();
  #networks = 0;
  readonly #programs = new Set<RunningProgram>();
  readonly #directory: string;
  readonly #publicKey: string;
  readonly #machine: Machine;

  private constructor(directory: string, publicKey: string, machine: Machine) {
    this.#directory = directory;
    this.#publicKey = publicKey;
    this.#machine = machine;
  }

  /** A network without nodes. */
  static async open(
    machine: Machine = { prefix: [] },
  ): Promise<SimulatedNetwork> {
    const directory = await Deno.makeTempDir({ prefix: "plasm-sim-" });
    await makeFiles(directory, { "artifacts/stable/arm64/vmlinuz": 1 << 16 });
    const key = await generateSigningKey();
    await createKeyFile(disk, join(directory, "signing.pem"), key);
    return new SimulatedNetwork(directory, key.publicKey.keyId, machine);
  }

  /**
   * Starts nodes and waits until they are ready.
   *
   * @param nodes how many, each at an address of loopback
   */
  async startNodes(
    { nodes = 1, ...settings }:
      & Partial<NodeProcessSettings>
      & { nodes?: number },
  ): Promise<NodeProcess> {
    const network = `127.1.${++this.#networks}`;
    const { child, lines } = this.#startProcess("node_process.ts", {
      hosts: Array.from({ length: nodes }, (_, i) => `${network}.${i + 1}`),
      bootstrap: [],
      ttlSeconds: 3600,
      ...settings,
    });
    const ready: NodeProcessReady = JSON.parse(await nextLine(lines));
    const tell = async (order: number) => {
      const writer = child.stdin.getWriter();
      await writer.write(Uint8Array.of(order));
      writer.releaseLock();
      return await nextLine(lines);
    };
    return {
      ...ready,
      async settle() {
        await tell(NodeOrder.settle);
      },
      publish: async () => JSON.parse(await tell(NodeOrder.publish)),
      async kill() {
        child.kill("SIGKILL");
        await child.status;
      },
      freeze: () => child.kill("SIGSTOP"),
      usage: () => usageOf(child.pid),
      requests: async () => JSON.parse(await tell(NodeOrder.count)),
    };
  }

  /** Starts a hostile host and waits until it has done what it can at first. */
  async startHostile(settings: HostileSettings): Promise<HostileReady> {
    const { lines } = this.#startProcess("hostile_process.ts", settings);
    return JSON.parse(await nextLine(lines));
  }

  /** Has a provider of many images publish, until it has said what that cost. */
  async startPublisher(settings: PublisherSettings): Promise<PublisherResult> {
    const { lines } = this.#startProcess("publisher_process.ts", settings);
    return JSON.parse(await nextLine(lines));
  }

  /** `plasmd bootstrap`, with what it knew under that name before. */
  async startMeeting(
    name: string,
    port = 0,
    { interfaceName = "lo", protocol, bootstrap = [] }: {
      readonly interfaceName?: string;
      readonly protocol?: string;
      readonly bootstrap?: readonly string[];
    } = {},
  ): Promise<Plasmd> {
    const program = this.#start("plasmd", [
      ...["bootstrap", "--interface", interfaceName, "--port", "0"],
      ...["--p2p-port", String(port)],
      ...["--state-dir", join(this.#directory, name)],
      ...protocolOption(protocol),
      ...bootstrap.flatMap((address) => ["--bootstrap", address]),
    ]);
    return { ...await dhtNode(program), ...handle(program) };
  }

  /** `plasmd serve`; waits until its round of publishing has ended. */
  async startProvider(options: ProviderOptions): Promise<Provider> {
    const startedMs = clock.monotonic();
    const program = this.#start("plasmd", [
      ...["serve", "--config", await this.#configFile(options)],
      ...protocolOption(options.protocol),
    ]);
    const node = await dhtNode(program);
    await program.line(/INFO Advertising stable\/arm64/);
    const publishedAfterMs = clock.monotonic() - startedMs;
    const [, base = ""] = await program.line(/Serving on (\S+)/);
    return {
      ...node,
      ...handle(program),
      manifestUrl: `${base}/stable/arm64/manifest.json`,
      storedAt: await this.#holders(base),
      publishedAfterMs,
    };
  }

  /** One look-up by a machine that has just booted: a process of its own. */
  async lookUp(
    { bootstrap, all = false, timeoutSeconds = 15, protocol }: LookupOptions,
  ): Promise<Lookup> {
    const startedMs = clock.monotonic();
    const program = start("phase_discover", [
      ...["--mode", "wan", "--channel", IMAGE.channel, "--arch", IMAGE.arch],
      ...["--key", this.#publicKey, "--format", "json"],
      ...["--timeout", String(timeoutSeconds), ...all ? ["--all"] : []],
      ...protocolOption(protocol),
      ...bootstrap.flatMap((address) => ["--bootstrap", address]),
    ], this.#machine);
    const memory = peakOf(program.pid);
    const { code, stdout } = await program.ended();
    const elapsedMs = clock.monotonic() - startedMs;
    const result = JSON.parse(stdout);
    return {
      code,
      elapsedMs,
      memoryBytes: await memory,
      found: code === 0 ? [result].flat() : [],
      refused: result.refused ?? [],
    };
  }

  /** Ends every process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      ...[...this.#programs].map((program) => program.end("SIGKILL")),
      ...[...this.#nodes].map(async (child) => {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended.
        }
        await child.status;
      }),
    ]);
    await Deno.remove(this.#directory, { recursive: true });
  }

  /** At how many nodes a provider's image is, once that is known for good. */
  async #holders(base: string): Promise<number> {
    const [program = "", ...args] = [
      ...this.#machine.prefix,
      ...["curl", "-gsS", `${base}/status`],
    ];
    while (true) {
      const status = JSON.parse(await commandOutput(program, args));
      const [{ next_refresh_at, holders }] = status.images[0].advertised;
      if (next_refresh_at !== undefined) return holders;
      await new Promise<void>((resolve) => clock.setTimer(resolve, 50));
    }
  }

  #startProcess(script: string, settings: object) {
    const [program = "", ...args] = [...this.#machine.prefix, Deno.execPath()];
    const child = new Deno.Command(program, {
      args: [
        ...args,
        ...["run", "-A", "--no-prompt", "--no-check"],
        new URL(script, import.meta.url).pathname,
        JSON.stringify(settings),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#nodes.add(child);
    return { child, lines: linesOf(child) };
  }

  #start(program: "plasmd", args: readonly string[]): RunningProgram {
    const running = start(program, args, this.#machine);
    this.#programs.add(running);
    return running;
  }

  async #configFile(
    {
      bootstrap,
      name,
      isForger,
      ttlSeconds = 3600,
      interfaceName = "lo",
      bind,
    }: ProviderOptions,
  ): Promise<string> {
    const key = join(this.#directory, "signing.pem");
    const path = join(this.#directory, `${name}.toml`);
    await Deno.writeTextFile(
      path,
      `[provider]
channels = ["stable"]
architectures = ["arm64"]
artifacts_dir = "${join(this.#directory, "artifacts")}"
state_dir = "${join(this.#directory, name)}"
${bind === undefined ? `interfaces = ["${interfaceName}"]` : `bind = "${bind}"`}
port = 0
[mdns]
enabled = false
[dht]
port = 0
bootstrap_nodes = ${JSON.stringify(bootstrap)}
record_ttl = ${ttlSeconds}
refresh_interval = ${Math.floor(ttlSeconds / 2)}
${isForger ? "" : `[signing]\nkey = "${key}"\n`}`,
    );
    return path;
  }
}

function protocolOption(protocol: string | undefined): string[] {
  return protocol === undefined ? [] : ["--dht-protocol", protocol];
}

async function dhtNode(
  program: RunningProgram,
): Promise<{ address: string; peerId: string }> {
  const [, address = ""] = await program.line(/DHT node (\S+)/);
  return { address, peerId: address.split("/p2p/")[1] ?? "" };
}

function handle(
  program: RunningProgram,
): Failing & Pick<Plasmd, "usage"> {
  return {
    usage: () => usageOf(program.pid),
    async kill() {
      await program.end("SIGKILL");
    },
    freeze: () => Deno.kill(program.pid, "SIGSTOP"),
  };
}

async function* linesOf(child: Deno.ChildProcess): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoderStream();
  for await (const text of child.stdout.pipeThrough(decoder)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

async function nextLine(lines: AsyncGenerator<string>): Promise<string> {
  const { value, done } = await lines.next();
  if (done) throw new Error("Cannot simulate: a process ended early");
  return value;
}
