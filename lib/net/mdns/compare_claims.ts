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
  const [a, b] = [comparable(ours), comparable(theirs)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The records in their order, as text that compares like them: by class (all
 * are IN), type, then data as unsigned bytes. A comma comes before all digits,
 * so that the set which runs out first is the earlier one.
 */
function comparable(records: readonly DnsRecord[]): string {
  return records.map((record) => {
    const type = record.type.toString(16).padStart(4, "0");
    return type + encodeData(record).toHex();
  }).sort().join(",");
}
