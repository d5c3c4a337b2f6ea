import { encodeData } from "../dns/encode_message.ts";
import type { DnsRecord } from "../dns/message.ts";

/**
 * Decides between two hosts that probe for the same name at the same time
 * (RFC 6762 section 8.2): both sort their records and compare them pair by
 * pair; the set that is lexicographically later wins.
 *
 * @returns above zero when ours win, below when theirs do, zero when both are
 * the same, which is then no conflict
 */
export function compareClaims(
  ours: readonly DnsRecord[],
  theirs: readonly DnsRecord[],
): number {
  const a = [...ours].sort(compareRecords);
  const b = [...theirs].sort(compareRecords);
  for (const [i, record] of a.entries()) {
    const other = b[i];
    // The one that runs out of records first is the earlier one.
    if (other === undefined) return 1;
    const order = compareRecords(record, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** By class (all are IN), type, then data as unsigned bytes. */
function compareRecords(a: DnsRecord, b: DnsRecord): number {
  return a.type - b.type || compareBytes(encodeData(a), encodeData(b));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = (a[i] ?? 0) - (b[i] ?? 0);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
