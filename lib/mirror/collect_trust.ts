import type { TrustDocuments } from "../http/artifacts/trust_document.ts";
import {
  type FetchTrust,
  readHeldTrust,
  verifySuccessor,
} from "../manifest/trust_chain.ts";
import { sameTrustRoot, type TrustRoot } from "../manifest/trust_root.ts";

/**
 * Fetches the trust documents that lead clients to the keys trusted now, from
 * the newest backwards as far as one provider has them: those after the
 * mirror's own first one, which it has followed itself, and those before it,
 * which older clients still have to follow. A document is handed on only if it
 * leads to the next one, so only the holders of its keys could have put it
 * there.
 *
 * @param newest the document that is trusted now
 * @param held the documents that are served already
 * @param fetch of the provider; what it refuses ends it
 * @returns those that were not held, by number
 * @throws what `fetch` throws
 */
export async function collectTrust(
  newest: TrustRoot,
  held: TrustDocuments,
  fetch: FetchTrust,
  { signal }: { readonly signal: AbortSignal },
): Promise<Map<number, Uint8Array>> {
  const collected = new Map<number, Uint8Array>();
  let after: Uint8Array | undefined;
  for (let number = newest.trustVersion; number > 0; number--) {
    const known = held.get(number);
    const document = known ?? await fetchOne(number, fetch, signal);
    if (document === undefined) return collected;
    const root = await readHeldTrust(document);
    if (!root.ok) return collected;
    // Either compares the number, too.
    const leadsOn = after === undefined
      ? sameTrustRoot(root.value, newest)
      : (await verifySuccessor(after, root.value)).ok;
    if (!leadsOn) return collected;
    if (known === undefined) collected.set(number, document);
    after = document;
  }
  return collected;
}

async function fetchOne(
  number: number,
  fetch: FetchTrust,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const document = await fetch(number, { signal });
  return document.ok ? document.value : undefined;
}
