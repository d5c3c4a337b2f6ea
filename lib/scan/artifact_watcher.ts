import { whenAborted } from "../core/abort.ts";
import { type Clock, deadline } from "../core/clock.ts";
import {
  type DirectoryWatch,
  type FileEvent,
  FileNotFoundError,
  type FileSystem,
} from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { artifactRoots, type ScanSettings } from "./scan_available.ts";
import type { WriterState } from "./settling.ts";

/** What a watcher needs, and what it calls. */
export interface ArtifactWatcherOptions {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The time. */
  readonly clock: Clock;
  /** Hears once when the system gives no events. */
  readonly logger: Logger;
  /**
   * Something has changed that a look would show, at or below these paths
   * (links resolved); none: it is not known where.
   */
  readonly onChange: (paths: readonly string[]) => void;
  /** A program writes the file at this path, or has closed it. */
  readonly onWriter: (path: string, writer: WriterState) => void;
}

interface Watch {
  /** The identity of the directory: another one may get its name. */
  readonly identity: string;
  readonly watch: DirectoryWatch;
  /** On the monotonic clock. */
  readonly sinceMs: number;
  /** Whether it has been heard to work. */
  isHeard: boolean;
}

/** A watcher answers in a millisecond; on a busy machine it takes longer. */
const ANSWER_MS = 2000;
/** How long it may take to go through the directories at first. */
const OPENING_MS = 60_000;

/**
 * Hears of changes below the artifacts directories as soon as they happen.
 * Only a help: what is missed, the next slow look finds.
 */
export class ArtifactWatcher implements Disposable {
  readonly #options: ArtifactWatcherOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #written = new Set<string>();
  /** What went from its place last, while it was written. */
  #departed: string | undefined;
  #problem: string | undefined;
  #isComplete = false;
  /** How many watches came to work. */
  #begun = 0;

  constructor(options: ArtifactWatcherOptions) {
    this.#options = options;
  }

  /** Whether every directory that should be is watched. */
  get isWatching(): boolean {
    return this.#isComplete;
  }

  /**
   * Begins to watch, and leaves it to `update()` to wait until that works: of
   * thousands of directories it takes a second, in which others can work.
   */
  async begin(settings: ScanSettings): Promise<void> {
    for (const root of artifactRoots(settings)) {
      // What is in the way is said by `update()`.
      await this.#watchOf(root).catch(() => {});
    }
  }

  /**
   * Watches the artifacts directories of these settings and no others. Call it
   * before each look: a directory that was replaced is watched anew, and one
   * that could not be watched is tried again. What does not answer is not
   * waited for: the watches of this machine share a fate, so that all are begun
   * anew.
   *
   * @returns whether there may be news that it has missed: another directory
   * than before in some place, or one that is heard of only now
   * @throws the signal's reason, when it aborts
   */
  async update(
    settings: ScanSettings,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<boolean> {
    const roots = artifactRoots(settings);
    const before = this.#identities();
    for (const [root, watch] of this.#watches) {
      if (!roots.has(root)) this.#end(root, watch);
    }
    this.#isComplete = true;
    for (const root of roots) {
      try {
        await this.#watch(root, { signal });
      } catch (error) {
        signal.throwIfAborted();
        this.#isComplete = false;
        const watch = this.#watches.get(root);
        if (watch !== undefined) this.#end(root, watch);
        // Said by the scan, which misses it more.
        if (error instanceof FileNotFoundError) continue;
        this.#warnOnce(messageOf(error));
      }
    }
    if (this.#isComplete) this.#problem = undefined;
    return this.#identities() !== before;
  }

  #identities(): string {
    const identities = [...this.#watches.values()].map((w) => w.identity);
    return [this.#begun, ...identities.sort()].join();
  }

  /**
   * Makes the next `update()` watch every directory anew: where a file system
   * has been mounted over one, the old watch is on the directory beneath.
   */
  renew(): void {
    this[Symbol.dispose]();
  }

  /** Ends all watches. */
  [Symbol.dispose](): void {
    for (const [root, watch] of this.#watches) this.#end(root, watch);
  }

  async #watch(
    root: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const current = await this.#watchOf(root);
    if (await this.#isHeard(current, { signal })) return;
    const { isHeard, sinceMs } = current;
    const lateMs = this.#options.clock.monotonic() - sinceMs;
    if (isHeard || lateMs > OPENING_MS) {
      this[Symbol.dispose]();
      const again = await this.#watchOf(root);
      if (await this.#isHeard(again, { signal })) return;
    }
    this.#isComplete = false;
  }

  /** The watch of the directory that lies at a path now. */
  async #watchOf(root: string): Promise<Watch> {
    const { fileSystem } = this.#options;
    const directory = await fileSystem.realPath(root);
    const { device, inode } = await fileSystem.stat(directory);
    const identity = `${device}:${inode} ${directory}`;
    const present = this.#watches.get(root);
    if (present !== undefined && present.identity !== identity) {
      this.#end(root, present);
    }
    return this.#watches.get(root) ?? this.#begin(root, directory, identity);
  }

  #begin(root: string, directory: string, identity: string): Watch {
    const { fileSystem, clock } = this.#options;
    const watch = fileSystem.watch(directory, {
      onEvent: (event) => this.#onEvent(event),
      onEnd: (problem) => {
        const ended = this.#watches.get(root);
        if (ended?.identity === identity) this.#end(root, ended);
        this.#isComplete = false;
        this.#warnOnce(problem);
      },
    });
    const sinceMs = clock.monotonic();
    const begun = { identity, watch, sinceMs, isHeard: false };
    this.#watches.set(root, begun);
    return begun;
  }

  /** Whether a watch shows in time that it works. */
  async #isHeard(
    current: Watch,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<boolean> {
    using limit = deadline(this.#options.clock, ANSWER_MS, { signal });
    const isHeard = await Promise.race([
      current.watch.hears().then(() => true),
      whenAborted(limit.signal).then(() => false),
    ]);
    signal.throwIfAborted();
    if (isHeard && !current.isHeard) this.#begun++;
    current.isHeard ||= isHeard;
    return isHeard;
  }

  #end(root: string, { watch }: Watch): void {
    this.#watches.delete(root);
    watch[Symbol.dispose]();
  }

  #onEvent({ kind, paths }: FileEvent): void {
    // The progress of a copy is no news: the file is looked at when it may be
    // complete.
    if (
      kind === "modified" && paths.length > 0 &&
      paths.every((path) => this.#written.has(path))
    ) return;
    if (kind === "moved") this.#onMove(paths);
    else if (kind !== "modified") {
      for (const path of paths) this.#note(path, WRITERS[kind]);
    }
    this.#options.onChange(paths);
  }

  /**
   * A program that moves a file into place is done with it, unless it still has
   * it open.
   */
  #onMove(paths: readonly string[]): void {
    const [from, to] = paths.length === 1 ? [undefined, paths[0]] : paths;
    if (to === undefined) return;
    const isOpen = from !== undefined && from === this.#departed;
    this.#note(to, isOpen ? "writing" : "closed");
  }

  #note(path: string, writer: WriterState): void {
    const wasWritten = this.#written.delete(path);
    if (writer === "writing") this.#written.add(path);
    if (writer === undefined) this.#departed = wasWritten ? path : undefined;
    this.#options.onWriter(path, writer);
  }

  #warnOnce(problem: string): void {
    if (problem !== this.#problem) {
      this.#options.logger.warn(
        `Cannot watch the artifacts for changes: ${problem}; they are checked every few seconds instead`,
      );
    }
    this.#problem = problem;
  }
}

const WRITERS = {
  created: "writing",
  closed: "closed",
  other: undefined,
} as const;
