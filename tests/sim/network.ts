import type { ClientResult, ClientSettings } from "./client_process.ts";
import type { NodeProcessReady, NodeProcessSettings } from "./node_process.ts";

/** A process of simulated nodes. */
export interface NodeProcess extends NodeProcessReady {
  /** As a power failure: no goodbye. */
  kill(): void;
  /** As a hung machine: connections stay open, nothing is answered. */
  freeze(): void;
}

/** Nodes and clients in processes of their own, all ended with it. */
export class SimulatedNetwork implements AsyncDisposable {
  readonly #children = new Set<Deno.ChildProcess>();

  /** Starts nodes and waits until they are ready. */
  async startNodes(
    settings: Partial<NodeProcessSettings>,
  ): Promise<NodeProcess> {
    const child = spawn("node_process.ts", {
      nodes: 1,
      listen: "/ip4/127.0.0.1/tcp/0",
      bootstrap: [],
      images: [],
      ttlSeconds: 3600,
      isHostile: false,
      ...settings,
    }, "piped");
    this.#children.add(child);
    const ready: NodeProcessReady = JSON.parse(await firstLine(child));
    return {
      ...ready,
      kill: () => child.kill("SIGKILL"),
      freeze: () => child.kill("SIGSTOP"),
    };
  }

  /** Runs a client to its end. */
  async lookUp(settings: ClientSettings): Promise<ClientResult> {
    const child = spawn("client_process.ts", settings, "null");
    this.#children.add(child);
    const line = await firstLine(child);
    await child.status;
    this.#children.delete(child);
    return JSON.parse(line);
  }

  /** Ends every process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children].map(async (child) => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    }));
  }
}

function spawn(
  module: string,
  settings: NodeProcessSettings | ClientSettings,
  stdin: "piped" | "null",
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-prompt",
      "--no-check",
      new URL(module, import.meta.url).pathname,
      JSON.stringify(settings),
    ],
    stdin,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

async function firstLine(child: Deno.ChildProcess): Promise<string> {
  let text = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("Cannot simulate: a process ended early");
    text += value;
  }
  reader.cancel().catch(() => {}); // it says nothing more
  return text.slice(0, text.indexOf("\n"));
}
