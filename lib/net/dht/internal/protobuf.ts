/**
 * A message by field number: numbers of varints, bytes of everything else, 64
 * and 32 bits of fixed length included.
 */
export type Fields = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

/** The values of a field that are bytes, in order. */
export function allBytes(fields: Fields, number: number): Uint8Array[] {
  return (fields.get(number) ?? []).filter((v) => v instanceof Uint8Array);
}

/** The first value of a field that is bytes. */
export function firstBytes(
  fields: Fields,
  number: number,
): Uint8Array | undefined {
  return allBytes(fields, number)[0];
}

// Protocol buffers, https://protobuf.dev/programming-guides/encoding: a tag is
// the field number times 8 plus the wire type.
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
/** Bytes of the other wire types, 64 and 32 bits. */
const FIXED_BYTES = new Map([[FIXED64, 8], [5, 4]]);

/**
 * Encodes a field: a number as a varint, bytes with their length, and no value
 * as nothing.
 */
export function field(
  number: number,
  value: number | Uint8Array | undefined,
): Uint8Array[] {
  if (value === undefined) return [];
  return typeof value === "number"
    ? [varint(number * 8 + VARINT), varint(value)]
    : [varint(number * 8 + LENGTH_DELIMITED), varint(value.length), value];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + 128);
  }
  return Uint8Array.of(...bytes, rest);
}

/** No message that means anything has more: each takes some memory. */
const MAX_FIELDS = 4096;

/** The fields in order of appearance, or undefined when malformed. */
export function decodeFields(bytes: Uint8Array): Fields | undefined {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  let count = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let unit = 1; unit <= 2 ** 63; unit *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return NaN;
      value += byte % 128 * unit;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    if (++count > MAX_FIELDS) return undefined;
    const tag = readVarint();
    if (!Number.isSafeInteger(tag)) return undefined;
    const wireType = tag % 8;
    let value: number | Uint8Array;
    if (wireType === VARINT) {
      value = readVarint();
      if (Number.isNaN(value)) return undefined;
    } else {
      const length = wireType === LENGTH_DELIMITED
        ? readVarint()
        : FIXED_BYTES.get(wireType) ?? NaN;
      if (!(length <= bytes.length - at)) return undefined;
      value = bytes.subarray(at, at + length);
      at += length;
    }
    const number = Math.floor(tag / 8);
    const values = fields.get(number);
    if (values === undefined) fields.set(number, [value]);
    else values.push(value);
  }
  return fields;
}

/** The first value of a field that is a number. */
export function firstNumber(
  fields: Fields,
  number: number,
): number | undefined {
  return fields.get(number)?.find((value) => typeof value === "number");
}

/** A field of 64 bits, as `fixed64` has it. */
export function fixed64(number: number, value: Uint8Array): Uint8Array[] {
  return [varint(number * 8 + FIXED64), value];
}
