import { BoundedMap } from "../core/bounded_map.ts";
import { type MachineId, type MachineRow, rowFor } from "./machine_rows.ts";

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

/** Any of the steps. */
export type MachineStep = typeof MACHINE_STEPS[number];

/** What one part of the program has seen of a machine. */
export interface StepNote extends Omit<MachineId, "serial"> {
  /** How far it has got. */
  readonly step: MachineStep;
  /**
   * Its IP address, where known. A request from there without a MAC address is
   * taken to come from the same machine.
   */
  readonly client?: string;
  /** `UEFI x86_64`, where it is known. */
  readonly firmware?: string;
  /** What happened, to be read behind the machine: `loader snponly.efi sent by TFTP`. */
  readonly what: string;
  /** What it is booting, where that is known: `stable/x86_64`. */
  readonly image?: string;
  /**
   * With `offered`: the file, as `sent()` or `loader` may name it, which
   * identifies the machine before it has an IP address. With `loader`: the file
   * that was sent.
   */
  readonly file?: string;
  /**
   * With `script`: the files its boot loader requests next, the kernel first,
   * each under every name that `sent()` may be given.
   */
  readonly files?: readonly (readonly string[])[];
}

/** A machine as it stands. */
export interface MachineState {
  /** Its MAC address; as long as that is not known, its IP address. */
  readonly id: string;
  /** The name in its row. */
  readonly name?: string;
  /** The IP address it had last. */
  readonly client?: string;
  /** `UEFI x86_64` */
  readonly firmware?: string;
  /** `stable/x86_64` */
  readonly image?: string;
  /** The last. */
  readonly step: MachineStep;
  /** The text of the last step. */
  readonly what: string;
  /** When it came to the last step, milliseconds since 1970. */
  readonly sinceMs: number;
  /** Whether it has been there for longer than a step takes. */
  readonly isStuck: boolean;
}

/** What steps are kept with. */
export interface MachineStepsOptions {
  /** Gives the rows that hold at the moment. */
  readonly rows: () => readonly MachineRow[];
  /** The wall clock, milliseconds since 1970. */
  readonly now: () => number;
  /** Takes a line for the log. */
  readonly say: (line: string) => void;
}

/** How many machines are remembered; of more, those heard of last. */
export const MAX_MACHINES = 10_000;

/** After this long without a further step a machine is stuck, unless it is done. */
export const STUCK_AFTER_MS = 5 * 60_000;

/** Firmware asks several times; a repeated step is logged once in this time. */
const SAID_AGAIN_MS = 30_000;
/** How long after an offer what was offered is taken. */
const TAKEN_WITHIN_MS = 60_000;
/** How many lines are logged at once, and per second in the long run. */
const LINES_AT_ONCE = 500;
const LINES_PER_SECOND = 5;

type Known = Omit<MachineState, "name" | "isStuck"> & {
  readonly uuid?: string;
  readonly file?: string;
  /** What its boot loader has still to load. */
  readonly files: readonly (readonly string[])[];
};

/** What an earlier boot has left says nothing of this one. */
function startingAgain(before: Known | undefined): Partial<Known> {
  const { image: _, files: __, file: ___, ...kept } = before ?? {};
  return kept;
}

/** What each machine did last, and a line for each step. */
export class MachineSteps {
  readonly #options: MachineStepsOptions;
  readonly #machines = new BoundedMap<string, Known>(
    MAX_MACHINES,
    "forget oldest",
  );
  /** The machine that has an IP address. */
  readonly #ids = new BoundedMap<string, string>(MAX_MACHINES, "forget oldest");
  readonly #counts = new Map<MachineStep, number>();
  #lines = LINES_AT_ONCE;
  #linesAtMs = 0;
  #unsaid = 0;

  constructor(options: MachineStepsOptions) {
    this.#options = options;
  }

  /** Records a step; ignored if the machine cannot be identified. */
  note(note: StepNote): void {
    const { client, step, what } = note;
    const id = note.mac ??
      (client && (this.#idOf(client, note.file) ?? client));
    if (id === undefined) return;
    const byAddress = this.#takenOver(note);
    const before = this.#machines.get(id) ?? byAddress;
    const nowMs = this.#options.now();
    const isAgain = before?.step === step && before.what === what &&
      nowMs - before.sinceMs < SAID_AGAIN_MS && nowMs >= before.sinceMs;
    const isStart = step === "seen" || step === "offered";
    const { mac: _, ...noted } = note;
    const after: Known = {
      files: [],
      ...isStart ? startingAgain(before) : before,
      ...noted,
      id,
      sinceMs: isAgain ? before.sinceMs : nowMs,
    };
    this.#machines.set(id, after);
    if (client !== undefined) this.#ids.set(client, id);
    if (isAgain) return;
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1);
    this.#say(`${this.#title(after)}: ${what}`, nowMs);
  }

  /** Steps recorded for an IP address before its MAC address was known. */
  #takenOver({ mac, client }: StepNote): Known | undefined {
    if (mac === undefined || client === undefined) return undefined;
    const known = this.#machines.get(client);
    this.#machines.delete(client);
    return known;
  }

  /**
   * The machine at an IP address. For an address not seen before: the machine
   * that was lately offered the file being sent there, if there is only one.
   */
  #idOf(client: string, file: string | undefined): string | undefined {
    const known = this.#ids.get(client);
    if (known !== undefined || file === undefined) return known;
    const sinceMs = this.#options.now() - TAKEN_WITHIN_MS;
    const [only, ...others] = [...this.#machines.values()].filter((each) =>
      each.step === "offered" && each.file === file && each.sinceMs > sinceMs
    );
    return others.length > 0 ? undefined : only?.id;
  }

  /** Whether an IP address is that of a machine that was seen booting. */
  knows(client: string): boolean {
    return this.#ids.has(client);
  }

  /** A file was sent whole to an IP address. */
  sent(client: string, file: string): void {
    const id = this.#idOf(client, file);
    const known = id === undefined ? undefined : this.#machines.get(id);
    if (known === undefined) return;
    if (known.step === "offered" && known.file === file) {
      // Without a loader and its script: a UEFI program is the whole boot.
      this.note({
        mac: known.id,
        client,
        step: "done",
        what: "all of it sent",
      });
      return;
    }
    const files = known.files.filter((names) => !names.includes(file));
    if (files.length === known.files.length) return;
    const isKernel = known.files[0]?.includes(file) && known.step === "script";
    if (files.length === 0) {
      this.note({ client, step: "done", what: "all of it sent", files });
    } else if (isKernel) {
      this.note({ client, step: "kernel", what: "kernel sent", files });
    } else this.#machines.set(known.id, { ...known, files });
  }

  /** All that are remembered, the one heard of last first. */
  list(): MachineState[] {
    const nowMs = this.#options.now();
    return [...this.#machines.values()].reverse().map(
      ({ uuid, files: _, file: __, ...state }) => {
        const name = this.#nameOf({
          id: state.id,
          ...uuid !== undefined && { uuid },
        });
        const canStick = state.step !== "seen" && state.step !== "done";
        return {
          ...state,
          ...name !== undefined && { name },
          isStuck: canStick && nowMs - state.sinceMs >= STUCK_AFTER_MS,
        };
      },
    );
  }

  /** How often each step was taken, since the start. */
  counts(): ReadonlyMap<MachineStep, number> {
    return this.#counts;
  }

  /** `52:54:00:12:34:56 (rack1-07) UEFI x86_64` */
  #title(known: Known): string {
    const name = this.#nameOf(known);
    const { id, firmware } = known;
    return `${id}${name === undefined ? "" : ` (${name})`}${
      firmware === undefined ? "" : ` ${firmware}`
    }`;
  }

  #nameOf({ id, uuid }: Pick<Known, "id" | "uuid">): string | undefined {
    const rows = this.#options.rows();
    return rowFor(rows, { mac: id, ...uuid !== undefined && { uuid } })?.name;
  }

  /** A flood of made-up addresses does not fill the log. */
  #say(line: string, nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#linesAtMs);
    this.#lines = Math.min(
      LINES_AT_ONCE,
      this.#lines + passedMs / 1000 * LINES_PER_SECOND,
    );
    this.#linesAtMs = nowMs;
    if (this.#lines < 1) {
      this.#unsaid++;
      return;
    }
    this.#lines--;
    if (this.#unsaid > 0) {
      this.#options.say(
        `${this.#unsaid} steps of machines were not logged: too many came at once`,
      );
      this.#unsaid = 0;
    }
    this.#options.say(line);
  }
}
