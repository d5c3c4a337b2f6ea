import { dirname, posix } from "node:path";
import {
  type DirectoryEntry,
  type DirectoryWatch,
  FileAccessError,
  type FileEvent,
  type FileInfo,
  type FileListener,
  FileNotFoundError,
  type FileSystem,
  SystemLimitError,
} from "../../lib/core/file_system.ts";
import { infoOf, laterThan, type MemoryNode } from "./memory_node.ts";

/**
 * A disk in memory, for tests. Absolute POSIX paths; directories come into
 * being with the files below them.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #nodes = new Map<string, MemoryNode>();
  #nextInode = 1;
  /** Paths that were opened, in order. */
  readonly opened: string[] = [];
  /** Paths whose content was read, in order, each chunk again. */
  readonly read: string[] = [];
  /** How much content was read in all. */
  readBytes = 0;
  readonly #watches = new Map<FileListener, string>();
  #delay: Promise<void> | undefined;
  /** Set: each read waits for it. */
  reads: Promise<void> | undefined;
  readonly #stuck = new Set<FileListener>();
  readonly #locked = new Set<string>();
  /** Set: no directory can be watched, for this reason. */
  watchTrouble: string | undefined;
  /** Set: nothing can be opened, as without file descriptors. */
  isExhausted = false;
  /** Kinds of the file systems below directories of the root. */
  readonly kinds = new Map<string, number>();
  /** Files open right now. */
  openCount = 0;
  /** Every path that was listed, looked at, resolved or opened, in order. */
  readonly calls: string[] = [];

  constructor() {
    this.#put("/", { kind: "directory", mode: 0o755 });
  }

  /** Puts a file there, with a new inode, as a rename over it would. */
  file(
    path: string,
    content: string | Uint8Array = "x",
    {
      modified = "2026-11-22T10:00:00Z",
      changed = laterThan(modified),
      mode = 0o644,
    }: { modified?: string; changed?: string; mode?: number } = {},
  ): this {
    const isNew = !this.#nodes.has(path);
    this.directory(dirname(path));
    this.#put(path, {
      kind: "file",
      bytes: typeof content === "string"
        ? new TextEncoder().encode(content)
        : new Uint8Array(content),
      modifiedMs: Date.parse(modified),
      changedMs: Date.parse(changed),
      mode,
    });
    this.#tell(isNew ? "created" : "other", path);
    return this;
  }

  /** Overwrites a file in place: same inode. */
  overwrite(
    path: string,
    content: string,
    modified: string,
    changed = laterThan(modified),
  ): this {
    const node = this.#find(path);
    node.bytes = new TextEncoder().encode(content);
    node.modifiedMs = Date.parse(modified);
    node.changedMs = Date.parse(changed);
    this.#tell("modified", path);
    return this;
  }

  /** Closes a file, as its writer. */
  close(path: string): this {
    this.#tell("closed", path);
    return this;
  }

  /** Makes a directory and those above it. */
  directory(path: string): this {
    for (let at = path; !this.#nodes.has(at); at = dirname(at)) {
      this.#put(at, { kind: "directory", mode: 0o755 });
    }
    return this;
  }

  /** Puts a symbolic link there. */
  link(path: string, target: string): this {
    this.directory(dirname(path));
    this.#put(path, { kind: "symlink", target, mode: 0o777 });
    return this;
  }

  /** Puts a FIFO, socket or device there. */
  special(path: string): this {
    this.directory(dirname(path));
    this.#put(path, { kind: "other", mode: 0o644 });
    return this;
  }

  /** Takes away or gives back the right to read. */
  setReadable(path: string, readable: boolean): this {
    this.#find(path).readable = readable;
    return this;
  }

  /** Removes a path and everything below it. */
  remove(path: string): this {
    for (const name of [...this.#nodes.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) {
        this.#nodes.delete(name);
        this.#tell("other", name);
      }
    }
    return this;
  }

  watch(directory: string, listener: FileListener): DirectoryWatch {
    const opened = this.#try(() => {
      this.#find(directory);
      if (this.watchTrouble !== undefined) throw new Error(this.watchTrouble);
      this.#watches.set(listener, directory);
    });
    opened.catch(() => {});
    return {
      hears: async () => {
        await opened;
        await this.#delay;
        if (!this.#watches.has(listener) || this.#stuck.has(listener)) {
          await new Promise(() => {});
        }
      },
      [Symbol.dispose]: () => void this.#watches.delete(listener),
    };
  }

  /** Lets no watch begin to hear until the returned function is called. */
  delayWatches(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#delay = promise;
    return resolve;
  }

  /** Holds up all that watch right now, as a FIFO that is opened does. */
  holdUpWatches(): void {
    for (const listener of this.#watches.keys()) this.#stuck.add(listener);
  }

  /** How many directories are watched. */
  get watchCount(): number {
    return this.#watches.size;
  }

  /** Keeps events from all watches until the returned function is called. */
  silence(): () => void {
    const watches = new Map(this.#watches);
    this.#watches.clear();
    return () => {
      for (const [listener, path] of watches) this.#watches.set(listener, path);
    };
  }

  /** Ends all watches, as a system that runs out of them does. */
  breakWatches(problem: string): void {
    const listeners = [...this.#watches.keys()];
    this.#watches.clear();
    for (const listener of listeners) listener.onEnd(problem);
  }

  list(directory: string): Promise<DirectoryEntry[]> {
    this.calls.push(directory);
    return this.#try(() => {
      this.#useDescriptor();
      const real = this.#resolve(directory);
      const node = this.#find(real);
      if (node.kind !== "directory") {
        throw new FileNotFoundError(`Cannot list "${directory}"`);
      }
      if (!node.readable) {
        throw new FileAccessError(`list "${directory}"`, "permission denied");
      }
      return this.#entries(real === "/" ? real : `${real}/`);
    });
  }

  /** Without `dirname()`, which takes seconds for thousands of images. */
  #entries(prefix: string): DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    for (const [path, { kind }] of this.#nodes) {
      if (!path.startsWith(prefix) || path === prefix) continue;
      const name = path.slice(prefix.length);
      if (!name.includes("/")) entries.push({ name, kind });
    }
    return entries;
  }

  kindOf(path: string): Promise<number | undefined> {
    return this.#try(() => this.kinds.get(`/${path.split("/")[1]}`));
  }

  stat(path: string): Promise<FileInfo> {
    this.calls.push(path);
    return this.#try(() => infoOf(this.#find(this.#resolve(path))));
  }

  realPath(path: string): Promise<string> {
    this.calls.push(path);
    return this.#try(() => this.#resolve(path));
  }

  open(path: string): ReturnType<FileSystem["open"]> {
    this.calls.push(path);
    return this.#try(() => {
      this.#useDescriptor();
      const real = this.#resolve(path);
      const node = this.#find(real);
      if (!node.readable) {
        throw new FileAccessError(`read "${path}"`, "permission denied");
      }
      if (node.kind === "other") {
        throw new FileAccessError(`read "${path}"`, "it is not a regular file");
      }
      this.opened.push(real);
      this.openCount++;
      let open = true;
      return {
        info: () => infoOf(node),
        readAt: async (buffer: Uint8Array, offsetBytes: number) => {
          await this.reads;
          this.read.push(real);
          const part = node.bytes.subarray(
            offsetBytes,
            offsetBytes + buffer.length,
          );
          buffer.set(part);
          this.readBytes += part.length;
          return part.length;
        },
        [Symbol.dispose]: () => {
          if (open) this.openCount--;
          open = false;
        },
      };
    });
  }

  async readText(path: string): Promise<string> {
    using file = await this.open(path);
    const { sizeBytes } = file.info();
    const bytes = new Uint8Array(sizeBytes);
    await file.readAt(bytes, 0);
    return new TextDecoder().decode(bytes);
  }

  removeFile(path: string): Promise<void> {
    return this.#try(() => {
      this.#find(path);
      this.remove(path);
    });
  }

  lock(path: string): Promise<Disposable | undefined> {
    return this.#try(() => {
      if (this.#locked.has(path)) return undefined;
      this.file(path, `${Deno.pid}\n`);
      this.#locked.add(path);
      return { [Symbol.dispose]: () => void this.#locked.delete(path) };
    });
  }

  makeDirectory(path: string, _mode: number): Promise<void> {
    return this.#try(() => void this.directory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#try(() => {
      this.#find(from);
      for (const [name, node] of [...this.#nodes]) {
        if (name !== from && !name.startsWith(`${from}/`)) continue;
        this.#nodes.delete(name);
        this.#nodes.set(to + name.slice(from.length), node);
      }
      this.#tell("other", from);
      this.#tell("moved", to);
      this.#tell("moved", from, to);
    });
  }

  writeAtomically(
    path: string,
    bytes: Uint8Array,
    { mode, ifAbsent = false }: { mode: number; ifAbsent?: boolean },
  ): Promise<boolean> {
    return this.#try(() => {
      if (!this.#nodes.has(dirname(path))) {
        throw new FileNotFoundError(`Cannot write "${path}"`);
      }
      if (ifAbsent && this.#nodes.has(path)) return false;
      this.file(path, bytes, { mode });
      return true;
    });
  }

  append(path: string, bytes: Uint8Array): Promise<void> {
    return this.#try(() => {
      const node = this.#find(this.#resolve(path));
      node.bytes = new Uint8Array([...node.bytes, ...bytes]);
      this.#tell("modified", path);
    });
  }

  /** Of each watch that all the paths are below. */
  #tell(kind: FileEvent["kind"], ...all: string[]): void {
    for (const [listener, directory] of this.#watches) {
      const paths = all.filter((path) =>
        path === directory || path.startsWith(`${directory}/`)
      );
      if (paths.length > 0 && paths.length === all.length) {
        listener.onEvent({ kind, paths });
      }
    }
  }

  #useDescriptor(): void {
    if (this.isExhausted) throw new SystemLimitError("too many are open");
  }

  #put(
    path: string,
    node: Partial<MemoryNode> & Pick<MemoryNode, "kind">,
  ): void {
    this.#nodes.set(path, {
      bytes: new Uint8Array(),
      target: "",
      modifiedMs: 0,
      changedMs: 0,
      mode: 0o644,
      readable: true,
      ...node,
      inode: this.#nextInode++,
    });
  }

  #find(path: string): MemoryNode {
    const node = this.#nodes.get(path);
    if (node === undefined) {
      throw new FileNotFoundError(`"${path}" does not exist`);
    }
    return node;
  }

  /** Follows the links of every part of the path. */
  #resolve(path: string, depth = 0): string {
    if (depth > 40) {
      throw new FileAccessError(
        `resolve "${path}"`,
        "its symbolic links form a loop",
      );
    }
    let at = "/";
    const parts = path.split("/").filter((part) => part !== "");
    for (const [index, part] of parts.entries()) {
      at = posix.join(at, part);
      const node = this.#find(at);
      if (node.kind === "symlink") {
        const rest = parts.slice(index + 1);
        const target = posix.resolve(dirname(at), node.target);
        return this.#resolve(posix.join(target, ...rest), depth + 1);
      }
    }
    return at;
  }

  /** Throws as a promise does, later. */
  // deno-lint-ignore require-await -- async turns what is thrown into a rejection
  async #try<T>(run: () => T): Promise<T> {
    return run();
  }
}
