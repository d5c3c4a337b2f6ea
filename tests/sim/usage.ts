import { systemClock as clock } from "../../lib/core/clock.ts";

/** What a process takes of the machine. */
export interface Usage {
  /** Resident. */
  readonly memoryBytes: number;
  /** Since its start. */
  readonly processorMs: number;
}

/** Clock ticks in /proc, 100 in a second on Linux. */
const TICK_MS = 10;

/** What a process takes now. */
export async function usageOf(pid: number): Promise<Usage> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    memoryBytes: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024,
    processorMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
  };
}

/** The most memory that a process has taken until it ended. */
export async function peakOf(pid: number): Promise<number> {
  let peakBytes = 0;
  while (true) {
    const status = await Deno.readTextFile(`/proc/${pid}/status`)
      .catch(() => "");
    const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
    if (peak === undefined) return peakBytes;
    peakBytes = Number(peak) * 1024;
    await new Promise<void>((resolve) => clock.setTimer(resolve, 100));
  }
}
