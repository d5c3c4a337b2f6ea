import { printable } from "../core/printable.ts";
import type { FetchEvent } from "./fetch_image.ts";

/** More bars than that scroll the rest of a terminal away. */
const MAX_BARS = 6;
const MAX_BAR_COLUMNS = 30;
const MAX_NAME_COLUMNS = 28;

/** A rate is that of the last seconds: what was before says little. */
const RATE_WINDOW_MS = 5000;
const SAMPLE_MS = 250;

/** What happened to a file. */
export type FileEvent = Extract<FetchEvent, { readonly path: string }>;

/** A file, as far as it has come. */
interface FileProgress {
  readonly path: string;
  readonly sizeBytes: number;
  bytes: number;
  state: "waiting" | "running" | "done";
  readonly rate: Rate;
}

/**
 * How far the files of an image have come: takes what happens, and says it in a
 * line or in bars. Times are monotonic milliseconds.
 */
export class FetchProgress {
  readonly #files: Map<string, FileProgress>;
  readonly #totalBytes: number;
  readonly #rate = new Rate();
  /** What came in this run. */
  #receivedBytes = 0;

  constructor(
    files: readonly { readonly path: string; readonly sizeBytes: number }[],
  ) {
    this.#files = new Map(
      files.map(({ path, sizeBytes }) => [
        path,
        { path, sizeBytes, bytes: 0, state: "waiting", rate: new Rate() },
      ]),
    );
    this.#totalBytes = sum(files.map(({ sizeBytes }) => sizeBytes));
  }

  /** Takes in what happened to a file; one that it does not know is ignored. */
  receive({ kind, path, bytes }: FileEvent, nowMs: number): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    if (kind === "progress") {
      this.#receivedBytes += Math.max(0, bytes - file.bytes);
    } else {
      file.rate.begin();
    }
    file.bytes = bytes;
    if (kind === "kept" || kind === "verified") file.state = "done";
    // What is started may wait for its turn.
    else if (kind === "progress") file.state = "running";
    file.rate.add(bytes, nowMs);
    this.#rate.add(this.#receivedBytes, nowMs);
  }

  /** All in one line: `2 of 5 files, 40 % of 1.2 GB, 80.0 MB/s, 9 s left`. */
  line(nowMs: number): string {
    const files = [...this.#files.values()];
    const done = files.filter(({ state }) => state === "done").length;
    const bytes = sum(files.map((file) => file.bytes));
    return `${done} of ${files.length} file${files.length === 1 ? "" : "s"}, ${
      howFar({ bytes, sizeBytes: this.#totalBytes }, this.#rate.at(nowMs))
    }`;
  }

  /**
   * A bar for each file, and below them all in one line. Of many files those
   * that are coming have one.
   *
   * @param columns how many characters fit on a line
   */
  bars(nowMs: number, columns: number): string {
    const all = [...this.#files.values()];
    const running = all.filter(({ state }) => state === "running");
    const shown = (all.length <= MAX_BARS ? all : running).slice(0, MAX_BARS);
    const names = shown.map(({ path }) => printable(path, MAX_NAME_COLUMNS));
    const width = Math.max(0, ...names.map(({ length }) => length));
    const lines = shown.map((file, i) =>
      barLine(file, (names[i] ?? "").padEnd(width), { nowMs, columns })
    );
    return [...lines, ...all.length > 1 ? [this.line(nowMs)] : []]
      .map((line) => printable(line, Math.max(1, columns - 1))).join("\n");
  }
}

function barLine(
  { bytes, sizeBytes, state, rate }: FileProgress,
  name: string,
  { nowMs, columns }: { readonly nowMs: number; readonly columns: number },
): string {
  const text = state === "done"
    ? formatBytes(sizeBytes)
    : state === "waiting" && bytes === 0
    ? `waiting, ${formatBytes(sizeBytes)}`
    : howFar(
      { bytes, sizeBytes },
      state === "waiting" ? undefined : rate.at(nowMs),
    );
  const room = columns - name.length - text.length - 6;
  const width = Math.min(MAX_BAR_COLUMNS, room);
  // Too narrow for a useful bar: print the text alone.
  if (width < 5) return `${name} ${text}`;
  const full = Math.floor(shareOf({ bytes, sizeBytes }) * width);
  return `${name} [${"#".repeat(full)}${".".repeat(width - full)}] ${text}`;
}

/** How much of something there is. */
interface Amount {
  readonly bytes: number;
  readonly sizeBytes: number;
}

function shareOf({ bytes, sizeBytes }: Amount): number {
  return sizeBytes === 0 ? 1 : Math.min(1, bytes / sizeBytes);
}

function howFar(amount: Amount, perSecond: number | undefined): string {
  const { bytes, sizeBytes } = amount;
  const percent = Math.floor(shareOf(amount) * 100);
  const left = Math.max(0, sizeBytes - bytes);
  return [
    `${percent} % of ${formatBytes(sizeBytes)}`,
    ...perSecond === undefined ? [] : [`${formatBytes(perSecond)}/s`],
    ...perSecond === undefined || perSecond === 0 || left === 0
      ? []
      : [`${formatSeconds(left / perSecond)} left`],
  ].join(", ");
}

/** How quickly something comes, from how much there was when. */
class Rate {
  /** Spaced in time, the oldest first. */
  #samples: (readonly [atMs: number, bytes: number])[] = [];
  #bytes = 0;

  /** Forgets what was: bytes that were there before did not come. */
  begin(): void {
    this.#samples = [];
  }

  /** @param bytes in all */
  add(bytes: number, nowMs: number): void {
    this.#bytes = bytes;
    const last = this.#samples.at(-1);
    if (last !== undefined && nowMs - last[0] < SAMPLE_MS) return;
    this.#samples.push([nowMs, bytes]);
    const before = nowMs - RATE_WINDOW_MS;
    const first = this.#samples.findIndex(([atMs]) => atMs >= before);
    this.#samples.splice(0, first);
  }

  /** @returns bytes per second; undefined while it cannot be estimated */
  at(nowMs: number): number | undefined {
    const before = nowMs - RATE_WINDOW_MS;
    const since = this.#samples.find(([atMs]) => atMs >= before);
    if (since === undefined) return this.#samples.length > 0 ? 0 : undefined;
    if (nowMs - since[0] < SAMPLE_MS) return undefined;
    const [atMs, bytes] = since;
    return Math.max(0, this.#bytes - bytes) / ((nowMs - atMs) / 1000);
  }
}

/** `14.2 MB`: in powers of ten, as rates of links are. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  // Not 1000.0 kB.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60
    ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
