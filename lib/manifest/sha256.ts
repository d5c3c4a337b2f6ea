/**
 * The SHA-256 of bytes in memory: 32 bytes.
 *
 * A signature is made over this digest of a document, not over the document,
 * so that small devices and `openssl pkeyutl` need not hold all of it.
 */
export async function sha256(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
