import { inTime, sleep, systemClock } from "../core/clock.ts";
import type {
  DirectoryWatch,
  FileEvent,
  FileListener,
} from "../core/file_system.ts";
import { openPipesBelow } from "./pipes_below.ts";

/** What the thread is asked to do. It does one after the other. */
interface Request {
  readonly id: number;
  readonly call: "open" | "close" | "probe";
  /** Which watch; of `open` and `close`. */
  readonly watch?: number;
  /** The directory given to `open`. */
  readonly directory?: string;
}

/** What the thread says. */
type Message =
  /** An error loses its class from thread to thread, and keeps these. */
  | {
    readonly id: number;
    readonly error?: Pick<Error, "name" | "message"> & { code?: unknown };
  }
  | {
    readonly watch: number;
    readonly kind: string;
    readonly paths: readonly string[];
  }
  | { readonly watch: number; readonly ended: string };

/** The worker's side of the channel to the thread that started it. */
interface MainThread {
  postMessage(message: Message): void;
  addEventListener(
    type: "message",
    listener: (event: { readonly data: Request }) => void,
  ): void;
}

/**
 * Runs in a worker, as its own text: it uses nothing from around it.
 *
 * `Deno.watchFs` opens whatever it has an event of. A FIFO without a writer
 * stops its thread there, for good, and with it every other call of
 * `Deno.watchFs` and the closing of a watch, both of which wait for that thread
 * without letting the caller's event loop turn. Here it stops this worker only.
 */
function watchForMainThread(main: MainThread): void {
  const watchers = new Map<number, Deno.FsWatcher>();
  const tell = async (watch: number, watcher: Deno.FsWatcher) => {
    try {
      for await (const { kind, paths } of watcher) {
        main.postMessage({ watch, kind, paths });
      }
    } catch (error) {
      if (watchers.get(watch) !== watcher) return;
      main.postMessage({ watch, ended: String(error) });
    }
  };
  const run = ({ call, watch = 0, directory = "" }: Request) => {
    switch (call) {
      case "open": {
        const watcher = Deno.watchFs(directory, { recursive: true });
        watchers.set(watch, watcher);
        void tell(watch, watcher);
        return;
      }
      case "close": {
        const watcher = watchers.get(watch);
        watchers.delete(watch);
        watcher?.close();
        return;
      }
      case "probe":
        try {
          // Returns when the thread that hears of events has taken note.
          return Deno.watchFs("/", { recursive: false }).close();
        } catch {
          // No watches left: an answer all the same.
          return;
        }
    }
  };
  main.addEventListener("message", ({ data }) => {
    try {
      run(data);
      main.postMessage({ id: data.id });
    } catch (error) {
      const { name, message, code } = error as Error & { code?: unknown };
      main.postMessage({ id: data.id, error: { name, message, code } });
    }
  });
}

/** Survives bundling, as a file of its own would not. */
function workerUrl(): string {
  const source = `(${watchForMainThread})(self)`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** How long a thread takes at most that is not stuck. */
const QUICK_MS = 100;
/** How long a thread that is stuck is given once its FIFOs are open. */
const RELEASE_MS = 1000;
/** How long a thread takes to be gone. */
const GONE_MS = 200;
/** Each thread that stays stuck costs memory and three descriptors. */
const MAX_LOST_THREADS = 3;

/** inotify: a read gives no event, the close after a write gives `access`. */
const EVENT_KINDS: ReadonlyMap<string, FileEvent["kind"]> = new Map([
  ["create", "created"],
  ["modify", "modified"],
  ["access", "closed"],
  ["rename", "moved"],
]);

/** One worker, for as long as something is watched. */
class WatchThread {
  readonly #worker = new Worker(workerUrl(), { type: "module" });
  readonly #listeners = new Map<number, FileListener>();
  readonly #directories = new Set<string>();
  readonly #unanswered = new Map<number, PromiseWithResolvers<void>>();
  #nextId = 1;

  constructor() {
    this.#worker.addEventListener("message", ({ data }) => this.#take(data));
    this.#worker.addEventListener("error", (event) => {
      // Else it would be an error of the whole program.
      event.preventDefault();
      for (const { onEnd } of this.#listeners.values()) onEnd(event.message);
    });
  }

  /** @returns the number of the watch, and when it is there */
  open(
    directory: string,
    listener: FileListener,
  ): { readonly watch: number; readonly opened: Promise<void> } {
    const watch = this.#nextId++;
    this.#listeners.set(watch, listener);
    this.#directories.add(directory);
    return { watch, opened: this.ask({ call: "open", watch, directory }) };
  }

  /** @returns whether it was the last one, which `end()` is to follow */
  close(watch: number): boolean {
    this.#listeners.delete(watch);
    if (this.#listeners.size === 0) return true;
    this.ask({ call: "close", watch }).catch(() => {
      // The watch was disposed of meanwhile.
    });
    return false;
  }

  /** Asks for something; what the thread does not answer stays open. */
  ask(request: Omit<Request, "id">): Promise<void> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<void>();
    this.#unanswered.set(id, answer);
    this.#worker.postMessage({ id, ...request } satisfies Request);
    return answer.promise;
  }

  #take(message: Message): void {
    if ("id" in message) {
      const answer = this.#unanswered.get(message.id);
      this.#unanswered.delete(message.id);
      if (message.error === undefined) answer?.resolve();
      else answer?.reject(Object.assign(new Error(), message.error));
      return;
    }
    const listener = this.#listeners.get(message.watch);
    if ("ended" in message) listener?.onEnd(message.ended);
    else {
      const kind = EVENT_KINDS.get(message.kind) ?? "other";
      listener?.onEvent({ kind, paths: message.paths });
    }
  }

  /**
   * Ends the thread. One that a FIFO has stopped is set free first, by opening
   * the FIFOs for reading and writing, which never blocks; they are closed
   * when nothing is watched any more, since that is an event too.
   *
   * @param lastWatch which is to be closed
   * @returns whether nothing of it is left
   */
  async end(lastWatch: number): Promise<boolean> {
    if (this.#unanswered.size === 0) {
      this.#worker.terminate();
      return true;
    }
    const closed = this.ask({ call: "close", watch: lastWatch })
      .then(() => true);
    if (await inTime(systemClock, QUICK_MS, closed)) {
      this.#worker.terminate();
      return true;
    }
    using _pipes = await openPipesBelow(this.#directories);
    const isFree = await inTime(systemClock, RELEASE_MS, closed) ?? false;
    this.#worker.terminate();
    // What it watched is let go in turns of its own event loop.
    await sleep(systemClock, GONE_MS, new AbortController());
    return isFree;
  }
}

let thread: WatchThread | undefined;
let ending: Promise<void> = Promise.resolve();
let lostThreads = 0;

/**
 * Watches a directory and all below it, without ever making the caller's event
 * loop wait.
 *
 * @param directory absolute, links resolved
 */
export function watchDirectory(
  directory: string,
  listener: FileListener,
): DirectoryWatch {
  let begun: { readonly used: WatchThread; readonly watch: number } | undefined;
  let isClosed = false;
  const opening = ending.then(async () => {
    if (isClosed) return;
    if (lostThreads >= MAX_LOST_THREADS) {
      throw new Error("FIFOs have stopped the watcher too often");
    }
    const used = thread ??= new WatchThread();
    const { watch, opened } = used.open(directory, listener);
    begun = { used, watch };
    await opened;
  });
  opening.catch(() => {
    // Told by `hears()`.
  });
  return {
    async hears() {
      await opening;
      await begun?.used.ask({ call: "probe" });
    },
    [Symbol.dispose]() {
      if (!isClosed && begun !== undefined) close(begun.used, begun.watch);
      isClosed = true;
    },
  };
}

function close(used: WatchThread, watch: number): void {
  if (!used.close(watch)) return;
  thread = undefined;
  // One after the other: what this one closes would be news to the next.
  ending = used.end(watch).then((isGone) => {
    if (!isGone) lostThreads++;
  });
}
