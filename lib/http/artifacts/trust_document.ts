import { ok, refuse, type Result } from "../../core/result.ts";

/** The succession of trusted keys, by number: bytes that are sent as they are. */
export type TrustDocuments = ReadonlyMap<number, Uint8Array>;

/**
 * A trust document; what is not there ends the succession.
 *
 * @param file such as `2.json`
 * @returns the document, or what a client should know when there is none
 */
export function findTrustDocument(
  documents: TrustDocuments,
  file: string,
): Result<Uint8Array> {
  const number = /^(\d{1,6})\.json$/.exec(file)?.[1];
  const document = documents.get(Number(number));
  if (document !== undefined) return ok(document);
  const present = [...documents.keys()].map((n) => `/trust/${n}.json`);
  return refuse(
    `No such trust document: there is ${present.join(", ") || "none"}`,
  );
}
