/** As many as a client asks a server for at once. */
const MAX_PER_SERVER = 8;

/** Connections that wait for their next request, by their servers. */
export class IdleConnections<Connection extends { close(): void }>
  implements Disposable {
  readonly #waiting = new Map<string, Connection[]>();
  #isDisposed = false;

  /** The one that was used last, if there is one. */
  take(origin: string): Connection | undefined {
    return this.#waiting.get(origin)?.pop();
  }

  /** Keeps a connection, or closes it where there are enough. */
  put(origin: string, connection: Connection): void {
    const waiting = this.#waiting.get(origin) ?? [];
    this.#waiting.set(origin, waiting);
    if (this.#isDisposed || waiting.length >= MAX_PER_SERVER) {
      return connection.close();
    }
    waiting.push(connection);
  }

  /** Closes all, and those that are put from now on. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const connection of [...this.#waiting.values()].flat()) {
      connection.close();
    }
    this.#waiting.clear();
  }
}
