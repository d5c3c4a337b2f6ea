import { BoundedMap } from "../../core/bounded_map.ts";
import { addressBytes } from "../ip_address.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  type RecordData,
} from "./message.ts";
import { type DnsName, labelText, nameLabels } from "./name.ts";

/** Most bytes of a UDP payload on Ethernet over IPv6, RFC 6762 section 17. */
export const MAX_PACKET_BYTES = 1440;

const CLASS_IN = 1;
/** QU in questions, cache-flush in records. */
const TOP_BIT = 0x8000;
const FLAG_RESPONSE = 0x8000;
const FLAG_AUTHORITATIVE = 0x0400;
const FLAG_TRUNCATED = 0x0200;

/**
 * Writes a message for the wire, names compressed. Responses are marked
 * authoritative (RFC 6762 section 18.4).
 *
 * @throws RangeError for what has no place on the wire: a label over 63 bytes,
 * a TXT string over 255, a malformed address. Our own records are checked
 * where they are made, so this tells of a bug.
 */
export function encodeMessage(message: DnsMessage): Uint8Array {
  const writer = new MessageWriter();
  const { questions, answers, authorities, additionals } = message;
  writer.uint16(message.id);
  writer.uint16(
    (message.isResponse ? FLAG_RESPONSE | FLAG_AUTHORITATIVE : 0) |
      (message.truncated ? FLAG_TRUNCATED : 0),
  );
  for (const section of [questions, answers, authorities, additionals]) {
    writer.uint16(section.length);
  }
  for (const question of questions) writeQuestion(writer, question);
  for (const section of [answers, authorities, additionals]) {
    for (const record of section) writeRecord(writer, record);
  }
  return writer.bytes();
}

/**
 * A record's data without compression: what RFC 6762 section 8.2 compares.
 *
 * @throws RangeError as `encodeMessage`
 */
export function encodeData(data: RecordData): Uint8Array {
  const writer = new MessageWriter({ compress: false });
  writeData(writer, data);
  return writer.bytes();
}

function writeQuestion(writer: MessageWriter, question: DnsQuestion): void {
  writer.name(question.name);
  writer.uint16(question.type);
  writer.uint16(question.unicastResponse ? CLASS_IN | TOP_BIT : CLASS_IN);
}

function writeRecord(writer: MessageWriter, record: DnsRecord): void {
  writer.name(record.name);
  writer.uint16(record.type);
  writer.uint16(record.cacheFlush ? CLASS_IN | TOP_BIT : CLASS_IN);
  writer.uint32(record.ttlSeconds);
  writer.lengthPrefixed(() => writeData(writer, record));
}

function writeData(writer: MessageWriter, data: RecordData): void {
  switch (data.type) {
    case DnsType.A:
      return writer.raw(checkedAddress(data.address, 4));
    case DnsType.AAAA:
      return writer.raw(checkedAddress(data.address, 16));
    case DnsType.PTR:
      return writer.name(data.target);
    case DnsType.SRV:
      writer.uint16(data.service.priority);
      writer.uint16(data.service.weight);
      writer.uint16(data.service.port);
      // RFC 6762 section 18.14 allows compression here, unlike RFC 2782.
      return writer.name(data.service.target);
    case DnsType.TXT:
      // RFC 6763 section 6.1: an empty TXT is one empty string.
      for (const text of data.strings.length === 0 ? [EMPTY] : data.strings) {
        if (text.length > 255) {
          throw new RangeError("TXT string over 255 bytes");
        }
        writer.uint8(text.length);
        writer.raw(text);
      }
      return;
    case DnsType.NSEC:
      writer.name(data.nextName);
      return writer.raw(typeBitmap(data.types));
  }
}

const EMPTY = new Uint8Array();

function checkedAddress(text: string, sizeBytes: number): Uint8Array {
  const bytes = addressBytes(text);
  if (bytes?.length !== sizeBytes) {
    throw new RangeError(`not an address of ${sizeBytes} bytes: "${text}"`);
  }
  return bytes;
}

/** Window 0 of the bitmap of RFC 4034 section 4.1.2. */
function typeBitmap(types: readonly number[]): number[] {
  const highest = Math.max(-1, ...types);
  if (highest < 0) return [];
  if (highest > 255) throw new RangeError("NSEC type over 255");
  const bits = new Array<number>((highest >> 3) + 1).fill(0);
  for (const type of types) {
    bits[type >> 3] = (bits[type >> 3] ?? 0) | (0x80 >> (type & 7));
  }
  return [0, bits.length, ...bits];
}

/**
 * Memory for the message that is being written, which is copied when it is
 * done: packets are tried out record by record, and memory of their own for
 * each had a provider of ten thousand images grow by hundreds of megabytes.
 */
let scratch = new Uint8Array(4 * MAX_PACKET_BYTES);

/** Used by one call at a time, since nothing here waits. */
class MessageWriter {
  #bytes = scratch;
  #length = 0;
  /** Where each name ending was written. */
  readonly #offsets = new Map<string, number>();
  readonly #compress: boolean;

  constructor({ compress = true }: { readonly compress?: boolean } = {}) {
    this.#compress = compress;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  raw(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  uint16(value: number): void {
    this.uint8(value >> 8);
    this.uint8(value);
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  lengthPrefixed(write: () => void): void {
    const at = this.#length;
    this.uint16(0);
    write();
    const length = this.#length - at - 2;
    this.#bytes[at] = length >> 8;
    this.#bytes[at + 1] = length & 0xff;
  }

  name(name: DnsName): void {
    for (const { ending, label } of nameParts(name)) {
      const offset = this.#offsets.get(ending);
      if (offset !== undefined) return this.uint16(0xc000 | offset);
      // A pointer has 14 bits.
      if (this.#compress && this.#length < 0x4000) {
        this.#offsets.set(ending, this.#length);
      }
      this.uint8(label.length);
      this.raw(label);
    }
    this.uint8(0);
  }

  #reserve(countBytes: number): void {
    const neededBytes = this.#length + countBytes;
    if (neededBytes <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * neededBytes);
    grown.set(this.#bytes);
    this.#bytes = scratch = grown;
  }
}

/** A label, and the name from there to its end. */
interface NamePart {
  readonly ending: string;
  readonly label: Uint8Array;
}

/**
 * A provider says its names often, two for each image: with fewer places than
 * names, none would be found again.
 */
const rememberedNames = new BoundedMap<DnsName, readonly NamePart[]>(
  32_768,
  "forget oldest",
);

function nameParts(name: DnsName): readonly NamePart[] {
  const remembered = rememberedNames.get(name);
  if (remembered !== undefined) return remembered;
  const labels = nameLabels(name);
  if (!labels.ok) throw new RangeError(`${labels.reason}: "${name}"`);
  const texts = labels.value.map(labelText);
  const parts = labels.value.map((label, i): NamePart => ({
    ending: texts.slice(i).join("."),
    label,
  }));
  rememberedNames.set(name, parts);
  return parts;
}
