/** Packets of a client of TFTP. */

/** A request to read a file. */
export function tftpRequest(
  name: string,
  mode = "octet",
  options: Readonly<Record<string, string>> = {},
): Uint8Array {
  const words = [name, mode, ...Object.entries(options).flat()];
  const text = words.map((word) => `${word}\0`).join("");
  return Uint8Array.of(0, 1, ...new TextEncoder().encode(text));
}

/** That all up to a block has come. */
export function tftpAcknowledgement(block: number): Uint8Array {
  return Uint8Array.of(0, 4, block >> 8 & 255, block & 255);
}
