/** Of each turn the program has `onMs`, which is about 2 % of a processor. */
const THROTTLE = { onMs: 1, offMs: 120 };

/** Why a program cannot be throttled here; undefined when it can. */
export function throttleObstacle(): string | undefined {
  return Deno.build.os === "windows" ? "SIGSTOP needs Unix" : undefined;
}

/**
 * Runs a program to its end as a slow processor would: stopped and continued in
 * turns.
 *
 * @returns what it printed
 * @throws when it fails
 */
export async function runThrottled(
  program: string,
  ...args: string[]
): Promise<string> {
  const child = new Deno.Command(program, {
    args,
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hasEnded = false;
  const ended = child.output().finally(() => hasEnded = true);
  while (!hasEnded) {
    await pause(THROTTLE.onMs);
    if (!send(child, "SIGSTOP")) break;
    await pause(THROTTLE.offMs);
    if (!send(child, "SIGCONT")) break;
  }
  const { success, stdout, stderr } = await ended;
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(`${program} ${args.join(" ")}: ${text.decode(stderr)}`);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** @returns whether the program was still there */
function send(child: Deno.ChildProcess, signal: Deno.Signal): boolean {
  try {
    child.kill(signal);
    return true;
  } catch {
    return false; // It has ended.
  }
}

/** How long each mode took, as phase_discover says, and how they compare. */
export interface ModesCompared {
  readonly lanMs: readonly number[];
  readonly autoMs: readonly number[];
  /** Of the medians: 1 where the DHT costs nothing. */
  readonly ratio: number;
}

/**
 * Compares `--mode auto` with `--mode lan` on a slow processor, in turns, so
 * that a busy machine slows both.
 *
 * @param discover a command line that finds an image, without `--mode`
 * @param limit ends early, after three rounds, once the ratio is within it
 */
export async function compareModes(
  [program, ...args]: readonly [string, ...string[]],
  { rounds, limit }: { readonly rounds: number; readonly limit: number },
): Promise<ModesCompared> {
  const elapsedMs = async (mode: string): Promise<number> => {
    const found = await runThrottled(
      program,
      ...[...args, "--mode", mode, "--format", "json"],
    );
    return Math.round(JSON.parse(found).elapsed_ms);
  };
  const lanMs: number[] = [];
  const autoMs: number[] = [];
  let ratio = Infinity;
  while (lanMs.length < rounds && !(lanMs.length >= 3 && ratio <= limit)) {
    lanMs.push(await elapsedMs("lan"));
    autoMs.push(await elapsedMs("auto"));
    ratio = median(autoMs) / median(lanMs);
  }
  return { lanMs, autoMs, ratio };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
