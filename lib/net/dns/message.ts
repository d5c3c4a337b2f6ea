import { type DnsName, foldName } from "./name.ts";

/** Record types by number, RFC 1035 section 3.2.2 and its successors. */
export const DnsType = {
  A: 1,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NSEC: 47,
  /** Questions only: every type there is. */
  ANY: 255,
} as const;

/** What every record has. */
export interface RecordHead {
  /** The owner name of the record. */
  readonly name: DnsName;
  /** How long it may be kept; 0 takes it back. */
  readonly ttlSeconds: number;
  /**
   * Replaces what peers hold of this name and type: set on records that only
   * one host can own, never on shared ones (RFC 6762 section 10.2).
   */
  readonly cacheFlush: boolean;
}

/** Where a service is reached. */
export interface SrvData {
  /** Lower ones are tried first. */
  readonly priority: number;
  /** Share of the load among equal priorities. */
  readonly weight: number;
  /** The port of TCP or UDP, as the service type says. */
  readonly port: number;
  /** The host's name. */
  readonly target: DnsName;
}

/** The data of a record, by type. */
export type RecordData =
  | { readonly type: typeof DnsType.A; readonly address: string }
  | { readonly type: typeof DnsType.AAAA; readonly address: string }
  | { readonly type: typeof DnsType.PTR; readonly target: DnsName }
  | { readonly type: typeof DnsType.SRV; readonly service: SrvData }
  | {
    readonly type: typeof DnsType.TXT;
    /** Each at most 255 bytes. */
    readonly strings: readonly Uint8Array[];
  }
  | {
    readonly type: typeof DnsType.NSEC;
    readonly nextName: DnsName;
    /** The types that do exist, each below 256. */
    readonly types: readonly number[];
  };

/** One resource record of class IN. */
export type DnsRecord = RecordHead & RecordData;

/** One question of class IN (or ANY). */
export interface DnsQuestion {
  /** What is asked about. */
  readonly name: DnsName;
  /** A value of `DnsType`, or any other number. */
  readonly type: number;
  /** QU: "answer me by unicast" (RFC 6762 section 5.4). */
  readonly unicastResponse: boolean;
}

/** A query or response as multicast DNS uses them. */
export interface DnsMessage {
  /** Zero, except in legacy queries and their responses. */
  readonly id: number;
  /** A response, else a query. */
  readonly isResponse: boolean;
  /** In queries: more known answers follow (RFC 6762 section 7.2). */
  readonly truncated: boolean;
  /** What is asked; in legacy responses, what was asked. */
  readonly questions: readonly DnsQuestion[];
  /** In queries: the answers that the sender already knows. */
  readonly answers: readonly DnsRecord[];
  /** In queries: the records that the sender would like to own (a probe). */
  readonly authorities: readonly DnsRecord[];
  /** What the asker will want to know next. */
  readonly additionals: readonly DnsRecord[];
}

/** A query from these questions; everything else empty unless given. */
export function queryMessage(
  questions: readonly DnsQuestion[],
  rest: Partial<Omit<DnsMessage, "questions" | "isResponse">> = {},
): DnsMessage {
  return { ...EMPTY, ...rest, questions, isResponse: false };
}

/** A response with these answers; everything else empty unless given. */
export function responseMessage(
  answers: readonly DnsRecord[],
  rest: Partial<Omit<DnsMessage, "answers" | "isResponse">> = {},
): DnsMessage {
  return { ...EMPTY, ...rest, answers, isResponse: true };
}

const EMPTY: DnsMessage = {
  id: 0,
  isResponse: false,
  truncated: false,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

/**
 * Identifies a record by name, type and data, whatever its TTL: two records
 * with the same key are the same in the sense of RFC 6762.
 */
export function recordKey(record: DnsRecord): string {
  let key = recordKeys.get(record);
  if (key === undefined) {
    key = `${foldName(record.name)}|${record.type}|${dataKey(record)}`;
    recordKeys.set(record, key);
  }
  return key;
}

/** Records never change, and those of a thousand images are compared often. */
const recordKeys = new WeakMap<DnsRecord, string>();

function dataKey(record: RecordData): string {
  switch (record.type) {
    case DnsType.A:
    case DnsType.AAAA:
      return record.address;
    case DnsType.PTR:
      return foldName(record.target);
    case DnsType.SRV: {
      const { priority, weight, port, target } = record.service;
      return `${priority} ${weight} ${port} ${foldName(target)}`;
    }
    case DnsType.TXT:
      return record.strings.map((bytes) => bytes.toHex()).join(";");
    case DnsType.NSEC:
      return `${foldName(record.nextName)} ${record.types.join()}`;
  }
}
