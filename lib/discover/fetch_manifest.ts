import { type Clock, deadline } from "../core/clock.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuseAs, type Result } from "../core/result.ts";
import type { HttpGet, HttpReply } from "../net/http1/reply.ts";
import type { CandidateRefusal } from "./candidate_refusal.ts";

/** No manifest is larger; a sender of more is not trusted with memory. */
const MAX_MANIFEST_BYTES = 1 << 20;

const MAX_REDIRECTS = 3;

/**
 * Fetches a manifest from a host that is not trusted yet: http and https only,
 * no redirect to another host, at most 1 MiB.
 *
 * @param options `timeoutMs`: the longest wait for all of it; without, the
 * signal alone ends it
 * @throws only the signal's reason, when it aborts first
 */
export async function fetchManifest(
  url: URL,
  { httpGet, clock, timeoutMs = Infinity }: {
    readonly httpGet: HttpGet;
    readonly clock: Clock;
    readonly timeoutMs?: number;
  },
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<Uint8Array<ArrayBuffer>, CandidateRefusal>> {
  using limit = timeoutMs === Infinity
    ? undefined
    : deadline(clock, timeoutMs, { signal });
  let hasAnswered = false;
  try {
    const answer = await follow(url, httpGet, limit?.signal ?? signal);
    if (!answer.ok) return answer;
    hasAnswered = true;
    using reply = answer.value;
    return await readBody(reply);
  } catch (error) {
    signal.throwIfAborted();
    if (limit?.signal.aborted) {
      return refuseAs(
        "slow",
        `no complete answer within ${timeoutMs / 1000} s`,
      );
    }
    return hasAnswered
      ? refuseAs("truncated", `the answer breaks off: ${messageOf(error)}`)
      : refuseAs("unreachable", messageOf(error));
  }
}

async function follow(
  url: URL,
  httpGet: HttpGet,
  signal: AbortSignal,
): Promise<Result<HttpReply, CandidateRefusal>> {
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    if (at.protocol !== "http:" && at.protocol !== "https:") {
      return refuseAs("scheme", "the URL is not http or https");
    }
    const reply = await httpGet(at, { signal });
    const { status, location } = reply;
    if (status === 200) return ok(reply);
    reply[Symbol.dispose]();
    if (status < 300 || status > 399 || location === undefined) {
      return refuseAs("status", `answered ${status}`);
    }
    const next = URL.parse(location, at);
    if (next === null || next.host !== at.host) {
      return refuseAs("redirect", "redirects to another host");
    }
    at = next;
  }
  return refuseAs("redirect", "redirects too often");
}

async function readBody(
  { body }: HttpReply,
): Promise<Result<Uint8Array<ArrayBuffer>, CandidateRefusal>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_MANIFEST_BYTES) {
      return refuseAs("too_large", `larger than ${MAX_MANIFEST_BYTES} bytes`);
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
