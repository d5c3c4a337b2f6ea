/** Answers since the start, by method and status. */
export interface RequestCount {
  /** `GET`, `HEAD` or `other`: what clients make up is not kept. */
  readonly method: "GET" | "HEAD" | "other";
  /** Such as 200. */
  readonly status: number;
  /** How many. */
  readonly count: number;
}

/** Counts answers. */
export class RequestCounts {
  readonly #counts = new Map<string, RequestCount>();

  /** Counts one answer. */
  add(asked: string, status: number): void {
    const method = asked === "GET" || asked === "HEAD" ? asked : "other";
    const key = `${method} ${status}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { method, status, count });
  }

  /** In the order in which they first occurred. */
  list(): readonly RequestCount[] {
    return [...this.#counts.values()];
  }
}
