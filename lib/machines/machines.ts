import type { MachineRow, UnknownMachines } from "./machine_rows.ts";
import { MachineSteps, type MachineStepsOptions } from "./machine_steps.ts";

/** What is said of machines. */
export interface MachineSettings {
  /** The rows that hold at the moment; the same list until they change. */
  readonly rows: () => readonly MachineRow[];
  /** What becomes of machines without a row, at the moment. */
  readonly unknown: () => UnknownMachines;
}

/** What is said of machines, and what they do: one for the whole program. */
export interface Machines extends MachineSettings {
  /** What each did last. */
  readonly steps: MachineSteps;
}

const NO_ROWS: readonly MachineRow[] = [];

/** Of whom nothing is said: all get the menu. */
export const NOTHING_SAID: MachineSettings = {
  rows: () => NO_ROWS,
  unknown: () => "menu",
};

/** Machines that nobody has seen yet. */
export function createMachines(
  settings: MachineSettings,
  log: Pick<MachineStepsOptions, "now" | "say">,
): Machines {
  const { rows } = settings;
  return { ...settings, steps: new MachineSteps({ rows, ...log }) };
}
