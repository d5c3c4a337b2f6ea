import { ok, refuse, type Result } from "../../core/result.ts";
import { addressText } from "../ip_address.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  type RecordData,
} from "./message.ts";
import { type DnsName, labelText, MAX_NAME_BYTES } from "./name.ts";

const CLASS_IN = 1;
const CLASS_ANY = 255;
const TOP_BIT = 0x8000;
const HEADER_BYTES = 12;
/** Opcode and rcode: RFC 6762 sections 18.3 and 18.11 ignore all but zero. */
const OPCODE_AND_RCODE = 0x780f;

/**
 * Reads a packet. What multicast DNS must ignore is left out: records and
 * questions of another class, records of types we have no use for.
 *
 * @param packet as a peer sent it
 * @returns the reason when it is malformed, not a standard query or response,
 * or claims more than it holds
 */
export function decodeMessage(packet: Uint8Array): Result<DnsMessage> {
  try {
    return ok(readMessage(new Reader(packet)));
  } catch (error) {
    if (error instanceof Malformed) return refuse(error.message);
    throw error;
  }
}

/** Ends the reading of a packet; never leaves this file. */
class Malformed extends Error {}

function readMessage(reader: Reader): DnsMessage {
  if (reader.left < HEADER_BYTES) throw new Malformed("header cut short");
  const id = reader.uint16();
  const flags = reader.uint16();
  if ((flags & OPCODE_AND_RCODE) !== 0) {
    throw new Malformed("opcode or response code is not zero");
  }
  const [questions, answers, authorities, additionals] = [
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
  ];
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    truncated: (flags & 0x0200) !== 0,
    questions: collect(questions, () => readQuestion(reader)),
    answers: collect(answers, () => readRecord(reader)),
    authorities: collect(authorities, () => readRecord(reader)),
    additionals: collect(additionals, () => readRecord(reader)),
  };
}

/** A count is a claim of the sender: reading ends where the packet does. */
function collect<T>(count: number, read: () => T | undefined): T[] {
  const items: T[] = [];
  for (let i = 0; i < count; i++) {
    const item = read();
    if (item !== undefined) items.push(item);
  }
  return items;
}

function readQuestion(reader: Reader): DnsQuestion | undefined {
  const name = reader.name();
  const type = reader.uint16();
  const classAndBit = reader.uint16();
  const dnsClass = classAndBit & ~TOP_BIT;
  if (dnsClass !== CLASS_IN && dnsClass !== CLASS_ANY) return undefined;
  return { name, type, unicastResponse: (classAndBit & TOP_BIT) !== 0 };
}

function readRecord(reader: Reader): DnsRecord | undefined {
  const name = reader.name();
  const type = reader.uint16();
  const classAndBit = reader.uint16();
  const ttlSeconds = reader.uint32();
  const data = reader.sub(reader.uint16());
  if ((classAndBit & ~TOP_BIT) !== CLASS_IN) return undefined;
  const content = readData(type, data);
  if (content === undefined) return undefined;
  if (data.left > 0) throw new Malformed("record longer than its data");
  return {
    name,
    // RFC 2181 section 8: a TTL with the top bit set counts as zero.
    ttlSeconds: ttlSeconds > 0x7fffffff ? 0 : ttlSeconds,
    cacheFlush: (classAndBit & TOP_BIT) !== 0,
    ...content,
  };
}

function readData(type: number, data: Reader): RecordData | undefined {
  switch (type) {
    case DnsType.A:
      return { type, address: addressText(data.raw(4)) };
    case DnsType.AAAA:
      return { type, address: addressText(data.raw(16)) };
    case DnsType.PTR:
      return { type, target: data.name() };
    case DnsType.SRV:
      return {
        type,
        service: {
          priority: data.uint16(),
          weight: data.uint16(),
          port: data.uint16(),
          target: data.name(),
        },
      };
    case DnsType.TXT: {
      const strings: Uint8Array[] = [];
      while (data.left > 0) strings.push(data.raw(data.uint8()));
      return { type, strings };
    }
    case DnsType.NSEC:
      return { type, nextName: data.name(), types: readTypeBitmap(data) };
    default:
      return undefined;
  }
}

/** Types above 255 are in later windows, which no multicast DNS name uses. */
function readTypeBitmap(data: Reader): number[] {
  const types: number[] = [];
  while (data.left > 0) {
    const window = data.uint8();
    const bits = data.raw(data.uint8());
    if (window !== 0) continue;
    for (let type = 0; type < bits.length * 8; type++) {
      if (((bits[type >> 3] ?? 0) & (0x80 >> (type & 7))) !== 0) {
        types.push(type);
      }
    }
  }
  return types;
}

/** Reads one packet, or a part of it, and never past its end. */
class Reader {
  readonly #packet: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(packet: Uint8Array, at = 0, end = packet.length) {
    this.#packet = packet;
    this.#at = at;
    this.#end = end;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  raw(count: number): Uint8Array {
    if (count > this.left) throw new Malformed("packet cut short");
    this.#at += count;
    // A copy: what is kept must not keep the socket's 64 KiB buffer alive, and
    // `slice` of a Node buffer copies nothing.
    return new Uint8Array(this.#packet.subarray(this.#at - count, this.#at));
  }

  uint8(): number {
    if (this.left < 1) throw new Malformed("packet cut short");
    return this.#packet[this.#at++] ?? 0;
  }

  uint16(): number {
    return (this.uint8() << 8) | this.uint8();
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }

  /** The next bytes, as a reader of their own over the same packet. */
  sub(count: number): Reader {
    if (count > this.left) throw new Malformed("packet cut short");
    this.#at += count;
    return new Reader(this.#packet, this.#at - count, this.#at);
  }

  /**
   * Reads a name. A pointer must lead to before the bytes it stands among, so
   * that following pointers always ends (RFC 1035 section 4.1.4).
   */
  name(): DnsName {
    const labels: string[] = [];
    let sizeBytes = 1;
    let at = this.#at;
    let runStart = at;
    let end = this.#end;
    let jumped = false;
    while (true) {
      if (at >= end) throw new Malformed("name cut short");
      const length = this.#packet[at] ?? 0;
      if ((length & 0xc0) === 0xc0) {
        if (at + 1 >= end) throw new Malformed("name cut short");
        const target = ((length & 0x3f) << 8) | (this.#packet[at + 1] ?? 0);
        if (target >= runStart) throw new Malformed("name points forward");
        if (!jumped) this.#at = at + 2;
        jumped = true;
        at = runStart = target;
        end = this.#packet.length;
      } else if ((length & 0xc0) !== 0) {
        throw new Malformed("unknown kind of label");
      } else if (length === 0) {
        if (!jumped) this.#at = at + 1;
        return labels.join(".");
      } else {
        sizeBytes += length + 1;
        if (sizeBytes > MAX_NAME_BYTES) throw new Malformed("name too long");
        if (at + 1 + length > end) throw new Malformed("name cut short");
        labels.push(labelText(this.#packet.subarray(at + 1, at + 1 + length)));
        at += 1 + length;
      }
    }
  }
}
