/**
 * The size of the DOS header, which ends with the offset of the PE signature.
 */
const DOS_HEADER_BYTES = 0x40;
/** `e_lfanew`: where the PE signature is, 32 bits, little-endian. */
const SIGNATURE_OFFSET_AT = 0x3c;

/**
 * Tells whether a file begins as a PE image (Microsoft's PE format, sections
 * "MS-DOS stub" and "Signature") while its bytes pass by: UEFI firmware can
 * start it, be it a boot loader, a unified kernel image or a Linux kernel with
 * an EFI stub. Nothing else is checked.
 */
export class PeSignature {
  readonly #dosHeader = new Uint8Array(DOS_HEADER_BYTES);
  readonly #signature = new Uint8Array(4).fill(0xff);
  #offset = 0;

  /** Takes the next bytes of the file, from its start on. */
  take(bytes: Uint8Array): void {
    this.#copy(bytes, this.#dosHeader, 0);
    // What comes later than the DOS header finds the place known.
    const at = this.#signatureOffset();
    if (at >= DOS_HEADER_BYTES) this.#copy(bytes, this.#signature, at);
    this.#offset += bytes.length;
  }

  /** Whether what has passed begins as a PE image. */
  get isThere(): boolean {
    const [m, z] = this.#dosHeader;
    const [p, e, ...zeros] = this.#signature;
    return m === 0x4d && z === 0x5a && p === 0x50 && e === 0x45 &&
      zeros.every((zero) => zero === 0);
  }

  #signatureOffset(): number {
    return new DataView(this.#dosHeader.buffer)
      .getUint32(SIGNATURE_OFFSET_AT, true);
  }

  /** Copies what the bytes that pass have of a part of the file. */
  #copy(bytes: Uint8Array, part: Uint8Array, partOffset: number): void {
    const first = Math.max(partOffset, this.#offset);
    const end = Math.min(
      partOffset + part.length,
      this.#offset + bytes.length,
    );
    if (first >= end) return;
    part.set(
      bytes.subarray(first - this.#offset, end - this.#offset),
      first - partOffset,
    );
  }
}
