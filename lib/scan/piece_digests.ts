import { PIECE_BYTES } from "./pieces.ts";

/** One is read into, one waits to be digested, one is being digested. */
const BUFFERS = 3;

/** A piece, whose memory goes to the other thread and comes back. */
interface Piece {
  readonly buffer: ArrayBuffer;
  readonly lengthBytes: number;
}

/** The same with its SHA-256. */
interface DigestedPiece extends Piece {
  readonly digest: Uint8Array<ArrayBuffer>;
}

/** The program as a worker sees it. */
interface MainThread {
  postMessage(message: DigestedPiece, transfer: Transferable[]): void;
  addEventListener(
    type: "message",
    listener: (event: { readonly data: Piece }) => void,
  ): void;
}

/** As `node:crypto` has it. */
type CreateHash = (algorithm: "sha256") => {
  update(bytes: Uint8Array): { digest(): Uint8Array<ArrayBuffer> };
};

/** Runs in a worker, as its own text: it uses nothing from around it. */
function digestForMainThread(main: MainThread, createHash: CreateHash): void {
  main.addEventListener("message", ({ data }) => {
    const bytes = new Uint8Array(data.buffer, 0, data.lengthBytes);
    const digest = new Uint8Array(createHash("sha256").update(bytes).digest());
    main.postMessage({ ...data, digest }, [data.buffer]);
  });
}

/** Survives bundling, as a file of its own would not. */
function workerUrl(): string {
  const source =
    `import { createHash } from "node:crypto"; (${digestForMainThread})(self, createHash)`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/**
 * Digests the pieces of one file in a worker, beside the thread that reads
 * them. Their memory is handed over and given back: `crypto.subtle` copies each
 * piece on the thread that calls it, which takes a third of what digesting does.
 */
export class PieceDigests implements Disposable {
  readonly #worker = new Worker(workerUrl(), { type: "module" });
  readonly #free: ArrayBuffer[] = Array.from(
    { length: BUFFERS },
    () => new ArrayBuffer(PIECE_BYTES),
  );
  readonly #digests: Uint8Array<ArrayBuffer>[] = [];
  #added = 0;
  #news = Promise.withResolvers<void>();

  /** Starts the worker. */
  constructor() {
    this.#worker.addEventListener("message", ({ data }) => this.#take(data));
    this.#worker.addEventListener("error", (event) => {
      // Else it would be an error of the whole program.
      event.preventDefault();
      this.#news.promise.catch(() => {
        // It is met by the next wait, if there is one.
      });
      this.#news.reject(new Error(`cannot digest pieces: ${event.message}`));
    });
  }

  /**
   * Memory for the next piece, once there is some.
   *
   * @throws Error when the worker has failed
   */
  async next(): Promise<Uint8Array<ArrayBuffer>> {
    for (;;) {
      const buffer = this.#free.pop();
      if (buffer !== undefined) return new Uint8Array(buffer);
      await this.#news.promise;
    }
  }

  /** Takes a piece from the beginning of its memory, which is gone with it. */
  add({ buffer, length }: Uint8Array<ArrayBuffer>): void {
    const piece: Piece = { buffer, lengthBytes: length };
    this.#added++;
    this.#worker.postMessage(piece, [buffer]);
  }

  /**
   * The digests of all pieces, one after the other.
   *
   * @throws Error when the worker has failed
   */
  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#digests.length < this.#added) await this.#news.promise;
    const list = new Uint8Array(this.#added * 32);
    for (const [i, digest] of this.#digests.entries()) list.set(digest, i * 32);
    return list;
  }

  /** Ends the worker. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  /** They come back in the order in which they went. */
  #take({ buffer, digest }: DigestedPiece): void {
    this.#digests.push(digest);
    this.#free.push(buffer);
    const { resolve } = this.#news;
    this.#news = Promise.withResolvers();
    resolve();
  }
}
