/**
 * What parsing untrusted bytes gives: a checked value, or the reason why not.
 *
 * Bytes from peers, clients and files are turned into a `Result` at the edge;
 * exceptions are for local trouble only.
 */
export type Result<T, R = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: R };

/** Wraps a checked value. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Wraps the reason for a refusal: no final period, names the thing refused. */
export function refuse<R>(
  reason: R,
): { readonly ok: false; readonly reason: R } {
  return { ok: false, reason };
}

/** Refuses for a reason that is a code for programs, and words for people. */
export function refuseAs<C extends string>(
  code: C,
  message: string,
): Result<never, { readonly code: C; readonly message: string }> {
  return refuse({ code, message });
}
