import { UserError } from "../../core/errors.ts";

/** A node cannot listen at an address. */
export class ListenError extends UserError {
  /** Tells the kinds apart. */
  override readonly name = "ListenError";
  /** What the system says, such as `EADDRINUSE`, where it says something. */
  readonly code: string | undefined;

  /**
   * Finds the system's error code in libp2p's message, which contains a stack
   * trace.
   */
  constructor(message: string, options: { readonly cause: unknown }) {
    super(message, options);
    const text = options.cause instanceof Error ? options.cause.message : "";
    const [, code] = /\blisten (E[A-Z]+):/.exec(text) ?? [];
    // Node's sockets in Deno say so of an address that the machine lacks.
    this.code = code === "EINVAL" ? "EADDRNOTAVAIL" : code;
  }
}
