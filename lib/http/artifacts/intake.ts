/** The rate is measured over the present span and the one before. */
const SPAN_MS = 5000;

/**
 * How much a client has accepted lately: between 5 and 10 seconds, since the
 * system takes much at once from us and little from then on. Time in which the
 * client waits for us (for the disk, or a rate limit) does not pass here.
 */
export class Intake {
  #spanStartMs: number;
  #spanBytes = 0;
  /** At first nothing is known, and the client is not slow. */
  #bytesBefore = Infinity;
  /** Since when the client waits for us; unset: we for it. */
  #pausedMs: number | undefined;

  constructor(nowMs: number) {
    this.#spanStartMs = nowMs;
    this.#pausedMs = nowMs;
  }

  /** The client has accepted all, and waits for us. */
  pause(nowMs: number): void {
    this.#pausedMs ??= nowMs;
  }

  /** The client has something to accept. */
  resume(nowMs: number): void {
    this.#spanStartMs += nowMs - (this.#pausedMs ?? nowMs);
    this.#pausedMs = undefined;
  }

  /** The client has accepted so much more. */
  add(countBytes: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#spanBytes += countBytes;
  }

  /** Bytes per second; Infinity while it is not known, or waits for us. */
  rate(nowMs: number): number {
    if (this.#pausedMs !== undefined) return Infinity;
    this.#turn(nowMs);
    const seconds = (SPAN_MS + nowMs - this.#spanStartMs) / 1000;
    return (this.#bytesBefore + this.#spanBytes) / seconds;
  }

  #turn(nowMs: number): void {
    const spans = Math.floor((nowMs - this.#spanStartMs) / SPAN_MS);
    if (spans < 1) return;
    this.#bytesBefore = spans === 1 ? this.#spanBytes : 0;
    this.#spanBytes = 0;
    this.#spanStartMs += spans * SPAN_MS;
  }
}
