/** A LAN on which firmware's requests are sent, and every answer is captured. */
import { join } from "node:path";
import {
  bootPacket,
  type ReadAnswer,
  readAnswer,
  type RequestOptions,
} from "./dhcp_requests.ts";
import { makeFiles } from "./image_tree.ts";
import type { LabProgram } from "./lab_program.ts";
import type { LabHost, NetworkLab } from "./network_lab.ts";
import { type RunningProgram, start, temporaryDirectory } from "./programs.ts";

/** Of the provider. */
export const PROVIDER = "10.0.0.1";
/** Of the host that sends and captures. */
export const CLIENT = "10.0.0.50";

/** Anything else is of TFTP. */
const ANSWERS_FROM = [`${PROVIDER}:67`, `${PROVIDER}:4011`];

/** A packet as it was seen. */
export interface SeenPacket {
  /** Since some start, the same for all. */
  readonly seconds: number;
  /** `10.0.0.1:67` */
  readonly from: string;
  /** `255.255.255.255:68` */
  readonly to: string;
  readonly bytes: Uint8Array;
}

/** How the provider is started. */
export interface PxeLanOptions {
  /** Of its configuration. */
  readonly config?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** Images, as `stable/x86_64`. */
  readonly images?: readonly string[];
  /** Started on the provider's host before it. */
  readonly before?: (server: LabHost) => Promise<unknown>;
}

/** The LAN of one test. */
export class PxeLan implements AsyncDisposable {
  readonly server: LabHost;
  readonly provider: RunningProgram;
  readonly directory: string;
  readonly #client: LabProgram;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<PxeLan, "server" | "provider" | "directory">,
    client: LabProgram,
    stack: AsyncDisposableStack,
  ) {
    ({
      server: this.server,
      provider: this.provider,
      directory: this.directory,
    } = parts);
    this.#client = client;
    this.#stack = stack;
  }

  /** A provider that answers machines, and a host that captures. */
  static async open(
    lab: NetworkLab,
    { config = "", flags = [], images = ["stable/x86_64"], before }:
      PxeLanOptions = {},
  ): Promise<PxeLan> {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory()).path;
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, `${PROVIDER}/24`);
    const host = await lab.hostOn(lan, `${CLIENT}/24`);
    await before?.(server);
    await makeFiles(
      directory,
      Object.fromEntries(
        images.map((image) => [`artifacts/${image}/vmlinuz`, 1000]),
      ),
    );
    await makeFiles(directory, {
      "loaders/snponly.efi": 50_000,
      "loaders/undionly.kpxe": 50_000,
    });
    const path = join(directory, "plasmd.toml");
    await Deno.writeTextFile(path, config || `[pxe]\nloaders = "loaders"\n`);
    const provider = stack.use(start("plasmd", [
      ...["serve", "--config", path, "--pxe", "--no-dht", "--no-mdns"],
      ...["--artifacts", join(directory, "artifacts")],
      ...["--state-dir", join(directory, "state"), ...flags],
    ], { prefix: server.prefix }));
    await provider.line(/answered on e0 10\.0\.0\.1;/);
    const script = new URL("./programs/dhcp_lan.py", import.meta.url).pathname;
    const client = host.start("python3", script, "e0");
    await client.line("listening");
    return new PxeLan({ server, provider, directory }, client, stack.move());
  }

  /** Broadcasts a packet as a client without an address. */
  async broadcast(packet: Uint8Array): Promise<void> {
    await this.#client.tell(`frame ${packet.toHex()}`);
  }

  /** Sends a request of firmware so. */
  async ask(options: RequestOptions = {}): Promise<void> {
    await this.broadcast(bootPacket(options));
  }

  /** Sends a packet to the provider from the capturing host's own address. */
  async unicast(packet: Uint8Array, port: number): Promise<void> {
    await this.#client.tell(`to ${PROVIDER} ${port} ${packet.toHex()}`);
  }

  /** What came so far, from whomever. */
  get seen(): SeenPacket[] {
    return this.#client.lines.filter((line) => line.startsWith("saw "))
      .map((line) => {
        const [, seconds, source, sourcePort, to, port, hex = ""] = line.split(
          " ",
        );
        return {
          seconds: Number(seconds),
          from: `${source}:${sourcePort}`,
          to: `${to}:${port}`,
          bytes: Uint8Array.fromHex(hex),
        };
      });
  }

  /** When each frame was sent, by its `xid`. */
  get sentAt(): ReadonlyMap<number, number> {
    return new Map(
      this.#client.lines.filter((line) => line.startsWith("sent ")).map(
        (line) => {
          const [, seconds, xid = ""] = line.split(" ");
          return [parseInt(xid, 16), Number(seconds)];
        },
      ),
    );
  }

  /** The answers of the provider so far, each read. */
  get answers(): (ReadAnswer & SeenPacket)[] {
    return this.seen
      .filter(({ from }) => ANSWERS_FROM.includes(from))
      .map((packet) => ({ ...packet, ...readAnswer(packet.bytes) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
