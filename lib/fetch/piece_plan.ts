/** Pieces that one source is to send, one after the other. */
export interface PieceRun {
  /** Whose number it is. */
  readonly source: number;
  /** The piece that is being sent. */
  readonly next: number;
  /** Behind the last one. Others may take some of them over. */
  readonly end: number;
}

/** How many sources may send the same piece. */
const MAX_HOLDERS = 2;

type Run = { -readonly [Key in keyof PieceRun]: PieceRun[Key] };

const FREE = 0;
const TAKEN = 1;
const DONE = 2;

/**
 * Which source sends which pieces of a file. A piece that is taken is taken by
 * one source, but for the last ones: a source without work shares what another
 * has before it, and sends a piece that another is sending, once.
 */
export class PiecePlan {
  readonly #states: Uint8Array;
  readonly #runs = new Set<Run>();
  #freeCount: number;
  #doneCount = 0;
  /** No free piece is before it. */
  #firstFree = 0;

  constructor(count: number) {
    this.#states = new Uint8Array(count);
    this.#freeCount = count;
  }

  /** How many pieces are neither there nor being sent. */
  get freeCount(): number {
    return this.#freeCount;
  }

  get isDone(): boolean {
    return this.#doneCount === this.#states.length;
  }

  has(piece: number): boolean {
    return this.#states[piece] === DONE;
  }

  /**
   * Records that a piece is there and right.
   *
   * @returns the runs of others that have nothing else to send
   */
  add(piece: number, by?: PieceRun): readonly PieceRun[] {
    if (this.has(piece)) return [];
    if (this.#states[piece] === FREE) this.#freeCount--;
    this.#states[piece] = DONE;
    this.#doneCount++;
    return [...this.#runs].filter((run) =>
      run !== by && run.next === piece && run.end === piece + 1
    );
  }

  /**
   * Takes the first free pieces.
   *
   * @param maxCount how many at most, one at least
   * @returns undefined where none is free
   */
  take(source: number, maxCount: number): PieceRun | undefined {
    if (this.#freeCount === 0) return undefined;
    const first = this.#states.indexOf(FREE, this.#firstFree);
    let end = first;
    while (end < first + maxCount && this.#states[end] === FREE) {
      this.#states[end++] = TAKEN;
    }
    this.#freeCount -= end - first;
    this.#firstFree = end;
    return this.#hold({ source, next: first, end });
  }

  /**
   * Takes over pieces that are queued at another source, so that both finish at
   * the same time; or the piece it is sending, if that is its last.
   *
   * @param rateOf how fast a source is, in any unit; 0 where that is unknown
   * @returns undefined where nothing is to be shared
   */
  share(
    source: number,
    rateOf: (source: number) => number,
  ): PieceRun | undefined {
    let last: Run | undefined;
    let lastEnds = -1;
    for (const run of this.#runs) {
      if (run.source === source || this.#isSharedToEnd(run)) continue;
      const ends = (run.end - run.next) / Math.max(rateOf(run.source), 1e-9);
      if (ends > lastEnds) [last, lastEnds] = [run, ends];
    }
    if (last === undefined) return undefined;
    const ahead = last.end - last.next - 1;
    if (ahead === 0) {
      return this.#hold({ source, next: last.next, end: last.end });
    }
    const [mine, theirs] = [rateOf(source), rateOf(last.source)];
    const part = mine > 0 && theirs > 0 ? mine / (mine + theirs) : 0.5;
    const count = Math.min(Math.max(Math.floor(ahead * part), 1), ahead);
    last.end -= count;
    return this.#hold({ source, next: last.end, end: last.end + count });
  }

  /**
   * Goes on to the next piece of a run.
   *
   * @returns whether there is one; without, the run is over
   */
  advance(run: PieceRun): boolean {
    const held = this.#held(run);
    if (held === undefined) return false;
    held.next++;
    if (held.next < held.end) return true;
    this.#runs.delete(held);
    return false;
  }

  /** Ends a run: its missing pieces become free again. */
  release(run: PieceRun): void {
    const held = this.#held(run);
    if (held === undefined) return;
    this.#runs.delete(held);
    for (let piece = held.next; piece < held.end; piece++) {
      if (this.has(piece) || this.#holders(piece) > 0) continue;
      this.#states[piece] = FREE;
      this.#freeCount++;
      this.#firstFree = Math.min(this.#firstFree, piece);
    }
  }

  #hold(run: Run): PieceRun {
    this.#runs.add(run);
    return run;
  }

  #held(run: PieceRun): Run | undefined {
    for (const held of this.#runs) if (held === run) return held;
    return undefined;
  }

  #holders(piece: number): number {
    let count = 0;
    for (const { next, end } of this.#runs) {
      if (next <= piece && piece < end) count++;
    }
    return count;
  }

  /** Whether every piece it has left could also come from another source. */
  #isSharedToEnd({ next, end }: Run): boolean {
    return end === next + 1 && this.#holders(next) >= MAX_HOLDERS;
  }
}
