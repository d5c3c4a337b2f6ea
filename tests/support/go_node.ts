import assert from "node:assert/strict";

const DIRECTORY = new URL("../interop/go_kad_dht", import.meta.url).pathname;

/** What a node answers to a command. */
export interface GoAnswer {
  readonly addresses?: string[];
  readonly peer_id?: string;
  readonly value?: string;
  readonly peers?: string[];
  readonly error?: string;
}

/**
 * A DHT node of go-libp2p as a process; each command is answered by a line of
 * JSON.
 */
export class GoNode implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #text = "";

  /** @param command of `buildGoNode`, with what may stand in front of it */
  constructor(...command: readonly string[]) {
    const [program = "", ...args] = command;
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout
      .pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line, of which the first tells its addresses. */
  async answer(): Promise<GoAnswer> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("The Go node has ended");
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return JSON.parse(line);
  }

  /** Has it do something. */
  async command(command: Record<string, string>): Promise<GoAnswer> {
    const line = `${JSON.stringify(command)}\n`;
    await this.#input.write(new TextEncoder().encode(line));
    return await this.answer();
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#output.cancel();
    await this.#child.status;
  }
}

/** Why the node cannot be built here, or undefined when it can. */
export async function goObstacle(): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command("go", {
      args: ["mod", "download"],
      cwd: DIRECTORY,
      // Without a network it would go on trying for minutes.
      signal: AbortSignal.timeout(60_000),
      stdout: "null",
      stderr: "null",
    }).output();
    return success ? undefined : "Go's modules cannot be downloaded";
  } catch {
    return "Go is not installed";
  }
}

/** Makes the program, in a file. */
export async function buildGoNode(executable: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", executable, "."],
    cwd: DIRECTORY,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
