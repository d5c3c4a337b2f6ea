import { ok, refuse, type Result } from "../../core/result.ts";

/** A packet of TFTP (RFC 1350, section 5; RFC 2347), as far as a server reads it. */
export type TftpPacket =
  | {
    readonly kind: "read" | "write";
    /** As it was written. */
    readonly name: string;
    /** In lower case: `octet`. */
    readonly mode: string;
    /** By name in lower case; of equal names the first counts. */
    readonly options: ReadonlyMap<string, string>;
  }
  | { readonly kind: "acknowledgement"; readonly block: number }
  | { readonly kind: "error"; readonly code: number; readonly message: string }
  /** Packets that no client sends to a server: data, or a list of options. */
  | { readonly kind: "other" };

/** Where a server takes requests (RFC 1350, section 4). */
export const TFTP_PORT = 69;

/** Codes of errors (RFC 1350, appendix; RFC 2347). */
export const TftpError = {
  notDefined: 0,
  notFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransfer: 5,
} as const;

const READ = 1;
const WRITE = 2;
const DATA = 3;
const ACKNOWLEDGEMENT = 4;
const ERROR = 5;
const OPTIONS = 6;

/** RFC 2347: a request is at most 512 bytes. */
const MAX_REQUEST_BYTES = 512;
const MAX_OPTIONS = 16;

/** Reads a packet of a client. */
export function decodePacket(bytes: Uint8Array): Result<TftpPacket> {
  if (bytes.length < 4) return refuse("shorter than any packet");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const operation = view.getUint16(0);
  const body = bytes.subarray(2);
  switch (operation) {
    case READ:
      return decodeRequest("read", body);
    case WRITE:
      return decodeRequest("write", body);
    case ACKNOWLEDGEMENT:
      return ok({ kind: "acknowledgement", block: view.getUint16(2) });
    case ERROR:
      return ok({
        kind: "error",
        code: view.getUint16(2),
        message: textOf(body.subarray(2)).split("\0")[0] ?? "",
      });
    case DATA:
    case OPTIONS:
      return ok({ kind: "other" });
    default:
      return refuse("not a TFTP operation");
  }
}

/** Texts, each with a zero behind it: name, mode, and options by name and value. */
function decodeRequest(
  kind: "read" | "write",
  body: Uint8Array,
): Result<TftpPacket> {
  if (body.length > MAX_REQUEST_BYTES) return refuse("too long a request");
  if (body.at(-1) !== 0) return refuse("a request that does not end");
  const [name = "", mode, ...rest] = textOf(body).slice(0, -1).split("\0");
  if (mode === undefined || name === "") return refuse("half a request");
  const options = new Map<string, string>();
  for (let i = 0; i + 1 < rest.length && i < 2 * MAX_OPTIONS; i += 2) {
    const option = (rest[i] ?? "").toLowerCase();
    if (!options.has(option)) options.set(option, rest[i + 1] ?? "");
  }
  return ok({ kind, name, mode: mode.toLowerCase(), options });
}

/** One character for each byte, so that nothing is longer than it was. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, MAX_REQUEST_BYTES));
}

/** A request to read a file, as it is (RFC 1350, section 5). */
export function encodeReadRequest(name: string): Uint8Array {
  return Uint8Array.of(0, READ, ...ascii(name), 0, ...ascii("octet"), 0);
}

/** That all up to a block has come. @param block modulo 65536 on the wire */
export function encodeAcknowledgement(block: number): Uint8Array {
  return numbered(ACKNOWLEDGEMENT, block);
}

/** A block of a file. @param block from 1; counted modulo 65536 on the wire */
export function encodeData(block: number, data: Uint8Array): Uint8Array {
  return numbered(DATA, block, data);
}

function numbered(
  operation: number,
  block: number,
  data: Uint8Array = new Uint8Array(),
): Uint8Array {
  const packet = new Uint8Array(4 + data.length);
  const view = new DataView(packet.buffer);
  view.setUint16(0, operation);
  view.setUint16(2, block & 0xffff);
  packet.set(data, 4);
  return packet;
}

/** The end of a transfer that cannot be. @param message plain ASCII */
export function encodeError(code: number, message: string): Uint8Array {
  return Uint8Array.of(0, ERROR, 0, code, ...ascii(message), 0);
}

/** The options that a server takes (RFC 2347). */
export function encodeOptions(
  options: readonly (readonly [name: string, value: number])[],
): Uint8Array {
  return Uint8Array.of(
    0,
    OPTIONS,
    ...options.flatMap(([name, value]) => [
      ...ascii(name),
      0,
      ...ascii(String(value)),
      0,
    ]),
  );
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
