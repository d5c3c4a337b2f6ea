import { type Clock, deadline } from "../core/clock.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { Refusal } from "./refusal.ts";

/** `fetch`, passed in. */
export type Fetch = (
  url: URL,
  init: { signal: AbortSignal; redirect: "manual" },
) => Promise<Response>;

/** Longest wait for a whole manifest. */
const FETCH_TIMEOUT_MS = 3000;

/** No manifest is larger; whoever sends more is not trusted with memory. */
const MAX_MANIFEST_BYTES = 1 << 20;

const MAX_REDIRECTS = 3;

/**
 * Fetches a manifest from somebody who is not trusted yet: http and https
 * only, no redirect to another host, at most 1 MiB, within 3 s.
 *
 * @throws only the signal's reason, when it aborts first
 */
export async function fetchManifest(
  url: URL,
  { fetch, clock }: { readonly fetch: Fetch; readonly clock: Clock },
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<Uint8Array, Refusal>> {
  using limit = deadline(clock, FETCH_TIMEOUT_MS, { signal });
  let hasAnswered = false;
  try {
    const response = await follow(url, fetch, limit.signal);
    if (!response.ok) return response;
    hasAnswered = true;
    return await readBody(response.value);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted) {
      return refuse({
        code: "slow",
        message: `no complete answer within ${FETCH_TIMEOUT_MS / 1000} s`,
      });
    }
    return hasAnswered
      ? refuse({
        code: "truncated",
        message: `the answer breaks off: ${messageOf(error)}`,
      })
      : refuse({ code: "unreachable", message: messageOf(error) });
  }
}

async function follow(
  url: URL,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Result<Response, Refusal>> {
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    if (at.protocol !== "http:" && at.protocol !== "https:") {
      return refuse({
        code: "scheme",
        message: "the URL is not http or https",
      });
    }
    const response = await fetch(at, { signal, redirect: "manual" });
    if (response.status === 200) return ok(response);
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      return refuse({
        code: "status",
        message: `answered ${response.status}`,
      });
    }
    const next = URL.parse(location, at);
    if (next === null || next.host !== at.host) {
      return refuse({
        code: "redirect",
        message: "redirects to another host",
      });
    }
    at = next;
  }
  return refuse({ code: "redirect", message: "redirects too often" });
}

async function readBody(
  response: Response,
): Promise<Result<Uint8Array, Refusal>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the body.
    if (length > MAX_MANIFEST_BYTES) {
      return refuse({
        code: "too_large",
        message: `larger than ${MAX_MANIFEST_BYTES} bytes`,
      });
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return ok(bytes);
}
