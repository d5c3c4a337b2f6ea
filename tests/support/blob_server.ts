/**
 * A server of files by their paths, written apart from what it is to test, that
 * can do wrong whatever a server can, and counts what it sends.
 */
import { createHash } from "node:crypto";

/** A file as it is served: bytes, or what makes them. */
export interface ServedFile {
  readonly sizeBytes: number;
  readonly read: (
    offsetBytes: number,
    lengthBytes: number,
  ) => Uint8Array | Promise<Uint8Array>;
}

/** A request as it came. */
export interface BlobRequest {
  /** From 0, over all connections. */
  readonly number: number;
  readonly path: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What is done other than it should be. */
export interface Misbehaviour {
  /** Instead of 200 or 206, without the file. */
  readonly status?: number;
  /** Added to the head. */
  readonly headers?: readonly string[];
  /** The connection ends after so many bytes of the body. */
  readonly cutAfterBytes?: number;
  /** Nothing more comes after so many bytes of the body, for ever. */
  readonly silentAfterBytes?: number;
  /** Changes what is sent. */
  readonly spoil?: (bytes: Uint8Array, offsetBytes: number) => Uint8Array;
  /** `Range` is passed over. */
  readonly isRangeIgnored?: boolean;
  /** Chunked, without a length. */
  readonly isChunked?: boolean;
  /** So many bytes more come after the file. */
  readonly extraBytes?: number;
}

/** What is served, and how. */
export interface BlobServerOptions {
  readonly files: ReadonlyMap<string, ServedFile>;
  /** The entity tag of a path. @default that of a provider of ours */
  readonly etag?: (path: string) => string | undefined;
  readonly misbehave?: (request: BlobRequest) => Misbehaviour | undefined;
  /** Over all connections together. @default as fast as it can */
  readonly bytesPerSecond?: number;
  readonly port?: number;
}

/** A server that is running. */
export interface BlobServer extends AsyncDisposable {
  readonly url: URL;
  readonly requests: BlobRequest[];
  /** Of bodies, over all connections. */
  readonly sentBytes: number;
}

/** Bytes as a file. */
export function fileOf(bytes: Uint8Array): ServedFile {
  return {
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** SHA-256 in hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Files by the names that their contents have. */
export function blobsOf(
  ...contents: readonly Uint8Array[]
): Map<string, ServedFile> {
  return new Map(
    contents.map((bytes) => [
      `/blobs/sha256/${sha256Hex(bytes)}`,
      fileOf(bytes),
    ]),
  );
}

const PART_BYTES = 64 * 1024;

/** Starts one on loopback. */
export function openBlobServer(options: BlobServerOptions): BlobServer {
  const listener = Deno.listen({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
  });
  const server = new Server(options);
  const accepting = server.accept(listener);
  return {
    url: new URL(`http://127.0.0.1:${listener.addr.port}`),
    requests: server.requests,
    get sentBytes() {
      return server.sentBytes;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      server.hangUp();
      await accepting;
    },
  };
}

class Server {
  readonly requests: BlobRequest[] = [];
  sentBytes = 0;
  readonly #options: BlobServerOptions;
  readonly #open = new Set<Deno.Conn>();
  readonly #pace: Pace;

  constructor(options: BlobServerOptions) {
    this.#options = options;
    this.#pace = new Pace(options.bytesPerSecond ?? Infinity);
  }

  async accept(listener: Deno.TcpListener): Promise<void> {
    const serving = new Set<Promise<void>>();
    for await (const connection of listener) {
      this.#open.add(connection);
      const done = this.#serve(connection)
        .catch(() => {
          // The client is gone.
        })
        .finally(() => {
          if (this.#open.delete(connection)) connection.close();
          serving.delete(done);
        });
      serving.add(done);
    }
    await Promise.all(serving);
  }

  hangUp(): void {
    for (const connection of this.#open) connection.close();
    this.#open.clear();
    this.#pace.end();
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(16_384);
    let text = "";
    while (true) {
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) {
        const count = await connection.read(buffer);
        if (count === null) return;
        text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
        continue;
      }
      const [line = "", ...fields] = text.slice(0, end).split("\r\n");
      text = text.slice(end + 4);
      const request = {
        number: this.requests.length,
        path: line.split(" ")[1] ?? "",
        headers: new Map(fields.map((field) => {
          const colon = field.indexOf(":");
          const name = field.slice(0, colon).toLowerCase();
          return [name, field.slice(colon + 1).trim()] as const;
        })),
      };
      this.requests.push(request);
      if (!await this.#answer(connection, request)) return;
    }
  }

  /** @returns whether another request may follow */
  async #answer(connection: Deno.Conn, request: BlobRequest): Promise<boolean> {
    const wrong = this.#options.misbehave?.(request) ?? {};
    const file = this.#options.files.get(request.path);
    const status = wrong.status ?? (file === undefined ? 404 : 0);
    if (file === undefined || status !== 0) {
      await write(connection, [
        `HTTP/1.1 ${status} X`,
        "Content-Length: 2",
        ...wrong.headers ?? [],
        "\r\nno",
      ]);
      return true;
    }
    const defaultTag = `"${request.path.split("/").at(-1)}"`;
    const tag = this.#options.etag === undefined
      ? defaultTag
      : this.#options.etag(request.path);
    const range = wrong.isRangeIgnored
      ? undefined
      : rangeOf(request, file.sizeBytes, tag);
    const [from, to] = range ?? [0, file.sizeBytes];
    const extra = wrong.extraBytes ?? 0;
    await write(connection, [
      `HTTP/1.1 ${range === undefined ? "200 OK" : "206 Partial Content"}`,
      wrong.isChunked
        ? "Transfer-Encoding: chunked"
        : `Content-Length: ${to - from + extra}`,
      ...range === undefined
        ? []
        : [`Content-Range: bytes ${from}-${to - 1}/${file.sizeBytes}`],
      ...tag === undefined ? [] : [`ETag: ${tag}`],
      ...wrong.headers ?? [],
      "\r\n",
    ]);
    return await this.#send(connection, file, { from, to, wrong, extra });
  }

  async #send(
    connection: Deno.Conn,
    file: ServedFile,
    { from, to, wrong, extra }: {
      readonly from: number;
      readonly to: number;
      readonly wrong: Misbehaviour;
      readonly extra: number;
    },
  ): Promise<boolean> {
    const put = async (bytes: Uint8Array) => {
      await this.#pace.take(bytes.length);
      if (!wrong.isChunked) return await writeAll(connection, bytes);
      await write(connection, [`${bytes.length.toString(16)}`, ""]);
      await writeAll(connection, bytes);
      await write(connection, ["", ""]);
    };
    const stop = Math.min(
      from + (wrong.cutAfterBytes ?? Infinity),
      from + (wrong.silentAfterBytes ?? Infinity),
    );
    const end = Math.min(to, stop);
    for (let at = from; at < end;) {
      const length = Math.min(PART_BYTES, end - at);
      const read = await file.read(at, length);
      const bytes = wrong.spoil?.(read.slice(), at) ?? read;
      await put(bytes);
      this.sentBytes += length;
      at += length;
    }
    if (wrong.silentAfterBytes !== undefined) {
      // Until it hangs up.
      while (await connection.read(new Uint8Array(99)) !== null);
    }
    if (end < to) return false;
    if (extra > 0) await put(new Uint8Array(extra));
    if (wrong.isChunked) await write(connection, ["0", "", ""]);
    return true;
  }
}

/** RFC 9110, sections 13.1.5 and 14.2, as far as clients here use them. */
function rangeOf(
  { headers }: BlobRequest,
  sizeBytes: number,
  tag: string | undefined,
): readonly [from: number, to: number] | undefined {
  const condition = headers.get("if-range");
  if (condition !== undefined && condition !== tag) return undefined;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(
    headers.get("range") ?? "",
  ) ?? [];
  if (first === undefined) return undefined;
  const to = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return [Number(first), to];
}

/** Lets bytes pass at a rate, over all who ask. */
class Pace {
  readonly #bytesPerMs: number;
  #freeAtMs = 0;
  #waiting = new Set<() => void>();
  #hasEnded = false;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  async take(bytes: number): Promise<void> {
    const nowMs = performance.now();
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + bytes / this.#bytesPerMs;
    const waitMs = this.#freeAtMs - nowMs;
    // Timers are no finer; what is too early now waits longer next time.
    if (waitMs < 5 || this.#hasEnded) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, waitMs);
      this.#waiting.add(end);
    });
  }

  end(): void {
    this.#hasEnded = true;
    for (const end of this.#waiting) end();
  }
}

async function write(
  connection: Deno.Conn,
  lines: readonly string[],
): Promise<void> {
  await writeAll(connection, new TextEncoder().encode(lines.join("\r\n")));
}

async function writeAll(
  connection: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await connection.write(bytes.subarray(done));
  }
}

/** A file on disk as it is served. */
export async function fileAt(path: string): Promise<ServedFile> {
  const { size } = await Deno.stat(path);
  return {
    sizeBytes: size,
    async read(offsetBytes, lengthBytes) {
      using file = await Deno.open(path);
      await file.seek(offsetBytes, Deno.SeekMode.Start);
      const bytes = new Uint8Array(lengthBytes);
      for (let done = 0; done < lengthBytes;) {
        done += await file.read(bytes.subarray(done)) ?? lengthBytes;
      }
      return bytes;
    },
  };
}
