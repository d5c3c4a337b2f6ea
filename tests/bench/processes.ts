/** What the system tells of processes, and programs run to their end. */

/** Clock ticks in /proc, 100 in a second on Linux. */
const TICKS_PER_SECOND = 100;

/**
 * Runs a program to its end.
 *
 * @returns what it printed
 * @throws when it fails, with what it said
 */
export async function output(
  [program, ...args]: readonly [string, ...string[]],
  { env = {} }: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(`${program} failed: ${text.decode(stderr)}`);
}

/** Why a program cannot be run; unset when it can. */
export async function lacks(program: string): Promise<string | undefined> {
  try {
    await output(["sh", "-c", `command -v ${program}`]);
    return undefined;
  } catch {
    return "not installed";
  }
}

/** Processor time of a process and all its threads, user and system. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The most memory that a process ever had. */
export async function peakMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
}

/** A port of loopback that nobody has at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until somebody listens on a port of loopback, for ten seconds. */
export async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`nothing answers on port ${port}`);
}

/** Writes a file of random bytes, which is in memory and on the disk then. */
export async function writeRandomFile(
  path: string,
  sizeBytes: number,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const chunk = new Uint8Array(1 << 20);
  for (let at = 0; at < chunk.length; at += 65_536) {
    crypto.getRandomValues(chunk.subarray(at, at + 65_536));
  }
  for (let written = 0; written < sizeBytes; written += chunk.length) {
    new DataView(chunk.buffer).setUint32(0, written);
    await file.write(chunk.subarray(0, sizeBytes - written));
  }
  // Writing it out would take the machine's time meanwhile.
  await file.sync();
}
