import { BoundedMap } from "../core/bounded_map.ts";
import type { MachineId, MachineRow } from "./machine_rows.ts";
import { rowFor } from "./machine_rows.ts";

/**
 * How far a machine has got, in this order. `seen`: it asked, and was offered
 * nothing. `done`: all that its boot loader has to load was sent.
 */
export const MACHINE_STEPS = [
  "seen",
  "offered",
  "loader",
  "script",
  "kernel",
  "done",
] as const;

/** One of the steps. */
export type MachineStep = typeof MACHINE_STEPS[number];

/** What one part of the program has seen of a machine. */
export interface StepNote extends Omit<MachineId, "serial"> {
  /** How far it has got. */
  readonly step: MachineStep;
  /**
   * Its IP address, where it is known. Later notes that know nothing else are
   * taken for the machine that had it last.
   */
  readonly client?: string;
  /** `UEFI x86_64`, where it is known. */
  readonly firmware?: string;
  /** What happened, to be read behind the machine: `loader snponly.efi sent by TFTP`. */
  readonly what: string;
  /** What the step is about: `stable/x86_64`, a file name. */
  readonly image?: string;
}

/** A machine as it stands. */
export interface MachineState {
  /** Its MAC address; before that is known, its IP address. */
  readonly id: string;
  /** Of its row. */
  readonly name?: string;
  /** IP address it had last. */
  readonly client?: string;
  /** `UEFI x86_64` */
  readonly firmware?: string;
  /** `stable/x86_64` */
  readonly image?: string;
  /** The last. */
  readonly step: MachineStep;
  /** Of the last step. */
  readonly what: string;
  /** When it came to the last step, milliseconds since 1970. */
  readonly sinceMs: number;
}

/** How many machines are remembered; of more, those heard of last. */
export const MAX_MACHINES = 10_000;

/** After this long without a further step a machine is stuck, unless it is done. */
export const STUCK_AFTER_MS = 5 * 60_000;
