/** What the parts of `bench:all` have in common: rows, and rounds by turns. */

/** One figure of ours, beside the same of other programs. */
export interface Row {
  /** What was measured, such as `1 MiB ranges, 4 connections`. */
  readonly name: string;
  /** Of all the figures, such as `MiB/s`. */
  readonly unit: string;
  /** Unset where it could not be measured. */
  readonly ours?: number;
  /** By program. */
  readonly others: Readonly<Record<string, number>>;
  /**
   * Ours divided by the other program's, where both were measured in turns: the
   * median of the rounds, since the machine changes its pace between them.
   */
  readonly ratios?: Readonly<Record<string, number>>;
  /** Why a figure is missing, by program. */
  readonly skipped: Readonly<Record<string, string>>;
  /** Of how many rounds the figures are the medians. */
  readonly rounds: number;
}

/** A part of `bench:all`, which can be run alone. */
export interface Part {
  readonly name: string;
  /** What it may take; its rounds are fewer where the machine is slow. */
  readonly budgetSeconds: number;
  run(limit: Limit): Promise<Row[]>;
}

/** When a part is to end, and how many rounds it is to go until then. */
export interface Limit {
  readonly rounds: number;
  /** By `performance.now()`. */
  readonly endMs: number;
}

/** The program that is measured, among those beside it. */
export const OURS = "plasm";

/** One row to come: how each program is measured once. */
export interface Contest {
  readonly name: string;
  readonly unit: string;
  /** Each measures one program once, `OURS` among them. */
  readonly programs: Readonly<Record<string, () => Promise<number>>>;
  /** Why others are not there, by program. */
  readonly skipped?: Readonly<Record<string, string>>;
}

const NO_FIGURE = "it gave no figure";
/** Below this a median means nothing. */
const MIN_ROUNDS = 3;

/**
 * Measures everything in turns, program beside program and round after round,
 * so that a busy minute of the machine slows all alike. The first round warms
 * up. A program that fails is out, and its row says why.
 *
 * @returns rows of medians
 */
export async function takeTurns(
  contests: readonly Contest[],
  { rounds, endMs }: Limit,
): Promise<Row[]> {
  const measured = contests.map((contest) => ({
    contest,
    values: {} as Record<string, number[]>,
    skipped: { ...contest.skipped } as Record<string, string>,
  }));
  let done = 0;
  for (let round = -1; round < rounds; round++) {
    if (done >= MIN_ROUNDS && performance.now() > endMs) break;
    for (const { contest, values, skipped } of measured) {
      for (const [program, measure] of Object.entries(contest.programs)) {
        if (program in skipped) continue;
        try {
          const value = await measure();
          if (!Number.isFinite(value)) throw new Error(NO_FIGURE);
          if (round >= 0) (values[program] ??= []).push(value);
        } catch (error) {
          skipped[program] = reasonOf(error);
        }
      }
    }
    done = round + 1;
  }
  return measured.map(({ contest: { name, unit }, values, skipped }) => {
    const complete = Object.entries(values)
      .filter(([program]) => !(program in skipped));
    const { [OURS]: ours, ...others } = Object.fromEntries(complete);
    const each = (figure: (all: readonly number[]) => number) =>
      Object.fromEntries(
        Object.entries(others).map(([program, all]) => [program, figure(all)]),
      );
    return {
      name,
      unit,
      ...ours !== undefined && {
        ours: median(ours),
        ratios: each((theirs) =>
          median(theirs.map((value, i) => (ours[i] ?? NaN) / value))
        ),
      },
      others: each(median),
      skipped,
      rounds: done,
    };
  });
}

/** A figure that was measured once, and has nobody beside it. */
export function single(name: string, unit: string, ours: number): Row {
  if (!Number.isFinite(ours)) return missing(name, unit, NO_FIGURE);
  return { name, unit, ours, others: {}, skipped: {}, rounds: 1 };
}

/** A row without our figure, and why. */
export function missing(name: string, unit: string, error: unknown): Row {
  const skipped = { [OURS]: reasonOf(error) };
  return { name, unit, others: {}, skipped, rounds: 0 };
}

/** How an error begins, and ends: programs end with their reason. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const [first = "no reason given"] = lines;
  const last = lines.slice(1).at(-1);
  const cut = (line: string) => line.slice(0, 100);
  return last === undefined ? cut(first) : `${cut(first)} ${cut(last)}`;
}

/** The one in the middle; the lower one of two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? NaN;
}

/** How long something takes, in milliseconds. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

/** Lets time pass. */
export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
