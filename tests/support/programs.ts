import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { programCommand, type ProgramName } from "./shipped_programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** How a program is started. */
export interface ProgramOptions {
  /** In front of the command, such as `ip netns exec NS`. */
  readonly prefix?: readonly string[];
  /** Replaces what is shipped, to test another file or other flags. */
  readonly runner?: readonly string[];
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** How a program ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

function command(
  program: ProgramName,
  args: readonly string[],
  { prefix = [], runner, cwd = ROOT, env = {} }: ProgramOptions,
): Deno.Command {
  const [head = "", ...rest] = [
    ...prefix,
    ...(runner ?? programCommand(program)),
    ...args,
  ];
  return new Deno.Command(head, {
    args: rest,
    cwd,
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a program to its end. */
export async function run(
  program: ProgramName,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Ended> {
  const startMs = performance.now();
  const { code, stdout, stderr } = await command(program, args, options)
    .output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    elapsedMs: performance.now() - startMs,
  };
}

/** A program that goes on until it is disposed of, which ends it by SIGTERM. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  /** Every log line so far. */
  lines(): string[];
  /** Waits for a log line, failing after 20 s with all that was said. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal and waits for the end. */
  end(signal: Deno.Signal): Promise<Ended>;
  /** Waits until it ends by itself. */
  ended(): Promise<Ended>;
}

/** Starts a program and goes on. */
export function start(
  program: ProgramName,
  args: readonly string[],
  options: ProgramOptions = {},
): RunningProgram {
  const child = command(program, args, options).spawn();
  let stdout = "";
  let stderr = "";
  let hasEnded = false;
  let wake = () => {};
  const read = async (
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    take: (text: string) => void,
  ) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      take(text);
      wake();
    }
  };
  const reading = Promise.all([
    read(child.stdout, (text) => stdout += text),
    read(child.stderr, (text) => stderr += text),
    child.status,
  ]).then(([, , status]) => {
    hasEnded = true;
    wake();
    return status;
  });
  const ended = async (): Promise<Ended> => {
    const startMs = performance.now();
    const { code } = await reading;
    return { code, stdout, stderr, elapsedMs: performance.now() - startMs };
  };
  const end = async (signal: Deno.Signal): Promise<Ended> => {
    if (!hasEnded) child.kill(signal);
    return await ended();
  };
  return {
    pid: child.pid,
    lines: () => stderr.split("\n").filter((line) => line !== ""),
    async line(pattern) {
      let late = false;
      const limit = setTimeout(() => {
        late = true;
        wake();
      }, 45_000);
      try {
        while (true) {
          const match = pattern.exec(stderr);
          if (match !== null) return match;
          if (hasEnded || late) {
            assert.fail(`${program} did not say ${pattern}, but:\n${stderr}`);
          }
          await new Promise<void>((resolve) => wake = resolve);
        }
      } finally {
        clearTimeout(limit);
      }
    },
    end,
    ended,
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
    },
  };
}

/** A directory that goes away when it is disposed of. */
export async function temporaryDirectory(): Promise<
  AsyncDisposable & { path: string }
> {
  const path = await Deno.makeTempDir({ prefix: "plasm-test-" });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}
