import assert from "node:assert/strict";
import { decodeMessage } from "../../lib/net/dns/decode_message.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
} from "../../lib/net/dns/message.ts";

/** Decodes a packet that must be well-formed. */
export function decoded(packet: Uint8Array): DnsMessage {
  const message = decodeMessage(packet);
  assert.ok(message.ok, message.ok ? "" : message.reason);
  return message.value;
}

/** A question for records of one type. */
export function question(
  name: string,
  type: number,
  { unicastResponse = false } = {},
): DnsQuestion {
  return { name, type, unicastResponse };
}

/** An address record. */
export function addressRecord(
  name: string,
  address: string,
  rest: Partial<Pick<DnsRecord, "ttlSeconds" | "cacheFlush">> = {},
): DnsRecord {
  return {
    name,
    type: address.includes(":") ? DnsType.AAAA : DnsType.A,
    address,
    ttlSeconds: 120,
    cacheFlush: true,
    ...rest,
  };
}

const TYPE_NAMES = new Map<number, string>(
  Object.entries(DnsType).map(([name, type]) => [type, name]),
);

/** `A phase-lab.local 10.0.0.1 120 flush`: a record as tests compare it. */
export function describeRecord(record: DnsRecord): string {
  const type = TYPE_NAMES.get(record.type) ?? record.type;
  const flush = record.cacheFlush ? " flush" : "";
  return `${type} ${record.name} ${
    describeData(record)
  } ${record.ttlSeconds}${flush}`;
}

function describeData(record: DnsRecord): string {
  switch (record.type) {
    case DnsType.A:
    case DnsType.AAAA:
      return record.address;
    case DnsType.PTR:
      return record.target;
    case DnsType.SRV:
      return `${record.service.target}:${record.service.port}`;
    case DnsType.TXT:
      return record.strings.map((s) => new TextDecoder().decode(s)).join(" ");
    case DnsType.NSEC:
      return record.types.map((t) => TYPE_NAMES.get(t) ?? t).join("+");
  }
}
