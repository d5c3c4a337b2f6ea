/**
 * Decodes base64 (RFC 4648 section 4) that has exactly one spelling: padded,
 * no white space, no stray bits, so that nothing can be changed unnoticed.
 *
 * @returns undefined when it is no such text
 */
export function decodeBase64(
  text: string,
): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    return bytes.toBase64() === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
