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
 * Makes a DHT node keep only valid boot records, and of those the newest. A
 * record older than one already seen from the same provider is refused, so that
 * no one can bring back what was replaced.
 */
export function createBootRecordPolicy(
  { clock }: { readonly clock: Clock },
): RecordRules {
  /** By key and peer; the latest comes last. */
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
