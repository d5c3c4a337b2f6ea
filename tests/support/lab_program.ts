import assert from "node:assert/strict";

/** A running program. */
export class LabProgram implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #reading: Promise<void>;

  /** @internal */
  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reading = this.#read();
  }

  /** Of the program itself. */
  get pid(): number {
    return this.#child.pid;
  }

  /** What it printed so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Waits for a line that holds a text, and returns it. */
  async line(text: string, timeoutMs = 10_000): Promise<string> {
    let found: string | undefined;
    await until(`it prints "${text}"`, () => {
      found = this.#lines.find((line) => line.includes(text));
      return found !== undefined;
    }, timeoutMs);
    return found ?? "";
  }

  /** Writes a line to its stdin. */
  async tell(line: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${line}\n`));
    writer.releaseLock();
  }

  /** Ends it, and waits for that; returns what it printed. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<readonly string[]> {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
    await this.done();
    return this.#lines;
  }

  /** Waits until it ends by itself; returns what it printed. */
  async done(): Promise<readonly string[]> {
    await this.#child.status;
    await this.#reading;
    return this.#lines;
  }

  /** Kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await this.#child.stdin.close().catch(() => {}); // closed with it
  }

  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoderStream();
    for await (const text of this.#child.stdout.pipeThrough(decoder)) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
    }
  }
}

/** Waits for something to become true. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!await isSo()) {
    assert.ok(
      performance.now() < endMs,
      `waited ${timeoutMs} ms until ${what}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
