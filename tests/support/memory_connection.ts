import type { ByteConnection } from "../../lib/net/http1/connection.ts";

/** The server's end of a connection whose client a test plays. */
export class MemoryConnection implements ByteConnection {
  /** What the server has sent, one character per byte. */
  sent = "";
  /** Whether the server has said that it sends no more. */
  finished = false;
  /** Whether the server has ended the connection. */
  closed = false;
  /** Set: the client accepts nothing. */
  stalled = false;
  readonly #waiting: Uint8Array[] = [];
  #changed = Promise.withResolvers<void>();
  #ended = false;

  /** The client sends this. */
  receive(text: string): void {
    this.#waiting.push(
      Uint8Array.from(text, (character) => character.charCodeAt(0)),
    );
    this.#change();
  }

  /** The client accepts bytes again. */
  accept(): void {
    this.stalled = false;
    this.#change();
  }

  /** The client sends no more. */
  end(): void {
    this.#ended = true;
    this.#change();
  }

  /** Wakes those that wait, to look again. */
  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.closed) throw new Error("closed");
      const next = this.#waiting.shift();
      if (next !== undefined) {
        const count = Math.min(next.length, buffer.length);
        buffer.set(next.subarray(0, count));
        if (count < next.length) this.#waiting.unshift(next.subarray(count));
        return count;
      }
      if (this.#ended) return null;
      await this.#changed.promise;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.stalled && !this.closed) {
      await this.#changed.promise;
    }
    if (this.closed) throw new Error("closed");
    for (const byte of bytes) this.sent += String.fromCharCode(byte);
    return bytes.length;
  }

  closeWrite(): Promise<void> {
    if (this.closed) return Promise.reject(new Error("closed"));
    this.finished = true;
    return Promise.resolve();
  }

  close(): void {
    if (this.closed) throw new Error("closed twice");
    this.closed = true;
    this.#change();
  }
}
