import { BoundedMap } from "../core/bounded_map.ts";
import type { Clock } from "../core/clock.ts";
import { ok, refuse } from "../core/result.ts";
import type { RecordRules } from "../net/dht/record_rules.ts";
import {
  type BootRecord,
  expiryMs,
  MAX_TTL_SECONDS,
  parseBootRecord,
  readBootRecord,
} from "./boot_record.ts";

/** Providers, over all images, whose newest record is remembered. */
const MAX_REMEMBERED = 8192;

/**
 * Has a DHT node keep valid boot records only, and of those the newest. A
 * record older than one that the same provider published before is refused,
 * so that nobody can bring back what it has replaced.
 */
export function createBootRecordPolicy(
  { clock }: { readonly clock: Clock },
): RecordRules {
  /** By key and peer, the one that came last at the end. */
  const newest = new BoundedMap<string, number>(
    MAX_REMEMBERED,
    "forget oldest",
  );

  const remember = (id: string, record: BootRecord) => {
    newest.set(id, record.lastUpdatedMs);
    for (const [oldId, oldMs] of newest) {
      // Nothing older than this can be accepted anyway.
      if (oldMs + MAX_TTL_SECONDS * 1000 >= clock.now()) break;
      newest.delete(oldId);
    }
  };

  return {
    namespace: "phase",
    async accept(key, value) {
      const parsed = await parseBootRecord(key, value, { now: clock.now() });
      if (!parsed.ok) return parsed;
      const id = `${key} ${parsed.value.peerId}`;
      if (parsed.value.lastUpdatedMs < (newest.get(id) ?? 0)) {
        return refuse("record is older than one seen before");
      }
      remember(id, parsed.value);
      return ok(undefined);
    },
    isBetter(value, other) {
      const a = readBootRecord(value);
      const b = readBootRecord(other);
      if (!a.ok || !b.ok) return a.ok;
      return a.value.lastUpdatedMs > b.value.lastUpdatedMs;
    },
    expiresMs(value) {
      const record = readBootRecord(value);
      return record.ok ? expiryMs(record.value) : 0;
    },
  };
}
