import type { MachineRow, UnknownMachines } from "./machine_rows.ts";
import { MachineSteps, type MachineStepsOptions } from "./machine_steps.ts";

/** What the operator has set for machines. */
export interface MachineSettings {
  /** The rows that hold at the moment; the same list until they change. */
  readonly rows: () => readonly MachineRow[];
  /** What becomes of machines without a row, at the moment. */
  readonly unknown: () => UnknownMachines;
}

/** The settings and the steps of machines, shared by the whole program. */
export interface Machines extends MachineSettings {
  /** What each did last. */
  readonly steps: MachineSteps;
}

const NO_ROWS: readonly MachineRow[] = [];

/** Without settings, every machine gets the menu. */
export const NOTHING_SAID: MachineSettings = {
  rows: () => NO_ROWS,
  unknown: () => "menu",
};

/** Starts with no machine seen. */
export function createMachines(
  settings: MachineSettings,
  log: Pick<MachineStepsOptions, "now" | "say">,
): Machines {
  const { rows } = settings;
  return { ...settings, steps: new MachineSteps({ rows, ...log }) };
}
