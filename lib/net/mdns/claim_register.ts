import { type DnsRecord, recordKey } from "../dns/message.ts";
import { type DnsName, foldName, sameName } from "../dns/name.ts";

/** A name that only we may have on a link, and what we say of it. */
export interface Claim {
  readonly name: DnsName;
  /** Records of the name itself, with the cache-flush bit. */
  readonly unique: readonly DnsRecord[];
  /** Records of other names that lead to it, which other hosts have too. */
  readonly shared: readonly DnsRecord[];
  /**
   * Whether the name is only probed for. Until a claim without this takes its
   * place, nothing is announced or answered, another host that wants the name
   * gets it as from a probe, and no goodbye is said.
   *
   * @default false
   */
  readonly isReserved?: boolean;
}

/** What to send, and which claims have been established. */
export interface DueClaims {
  /** Claims to ask about before their names are used. */
  readonly probes: readonly Claim[];
  /** Records to multicast. */
  readonly announcements: readonly DnsRecord[];
  /** TTL 0. */
  readonly goodbyes: readonly DnsRecord[];
  /** Ids of claims that no host objected to. */
  readonly established: readonly string[];
}

/** RFC 6762 section 8.1: three probes, 250 ms apart. */
const PROBE_COUNT = 3;
const PROBE_INTERVAL_MS = 250;

/**
 * RFC 6762 section 8.1 has up to 250 ms at random, so that not all hosts probe
 * at once when the power comes back. Providers take differently long to start
 * anyway, and a box that waits for one waits for this as well.
 */
const MAX_PROBE_DELAY_MS = 100;
/** RFC 6762 section 8.3: when to announce, counted from the one before. */
const ANNOUNCE_AFTER_MS = [0, 1000, 2000] as const;
/** RFC 6762 section 8.4: changes are announced at most once a second. */
const UPDATE_INTERVAL_MS = 1000;
/** The second goodbye is for those that missed the first. */
const GOODBYE_REPEAT_MS = 30;
/** RFC 6762 section 8.2: the loser of a tie-break tries again after that. */
const TIE_BREAK_WAIT_MS = 1000;
/** RFC 6762 section 8.1: after 15 conflicts within 10 s, 5 s between probes. */
const CONFLICT_LIMIT = 15;
const CONFLICT_WINDOW_MS = 10_000;
const CONFLICT_WAIT_MS = 5000;

interface Entry {
  claim: Claim;
  /** `lost` waits for another name. */
  phase: "probing" | "established" | "lost";
  /** Whether it has been established before, be it under another name. */
  wasEstablished: boolean;
  /** Packets sent in this phase: probes, or announcements. */
  sent: number;
  /** When it was last announced, `-Infinity` for never. */
  announcedMs: number;
  dueMs: number;
}

interface Farewell {
  readonly records: readonly DnsRecord[];
  timesLeft: number;
  dueMs: number;
}

/**
 * The claims of one link on their way from probing to announced to withdrawn
 * (RFC 6762 section 8). Claims made together are probed together.
 */
export class ClaimRegister {
  readonly #random: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Ids by folded name. */
  readonly #names = new Map<DnsName, string>();
  #farewells: Farewell[] = [];
  #conflictsMs: number[] = [];
  #revision = 0;

  /** Starts without claims; `random` gives 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Makes a claim, or replaces the one with the same id. */
  set(id: string, claim: Claim, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry?.claim === claim) return this.#recall(claim);
    this.#revision++;
    if (entry === undefined || !sameName(entry.claim.name, claim.name)) {
      // The unique records now belong to the host that won the name.
      if (entry !== undefined) {
        this.#names.delete(foldName(entry.claim.name));
        this.#sayGoodbye(entry, entry.claim.shared, nowMs);
      }
      const { wasEstablished = false } = entry ?? {};
      this.#entries.set(id, this.#newEntry(claim, wasEstablished, nowMs));
      this.#names.set(foldName(claim.name), id);
    } else if (entry.phase !== "established") {
      entry.claim = claim;
      if (isProbed(entry)) entry.dueMs = nowMs;
    } else if (!sameClaim(entry.claim, claim)) {
      entry.claim = claim;
      announce(entry, nowMs);
    }
    this.#recall(claim);
  }

  /** Has every established claim announced again. */
  announceAgain(nowMs: number): void {
    for (const entry of this.#entries.values()) announce(entry, nowMs);
  }

  /** Gives a claim up. */
  remove(id: string, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#names.delete(foldName(entry.claim.name));
    this.#revision++;
    const { unique, shared } = entry.claim;
    this.#sayGoodbye(entry, [...shared, ...unique], nowMs);
  }

  /** Ids of all claims, whatever has become of them. */
  ids(): string[] {
    return [...this.#entries.keys()];
  }

  /** Whether no host objected to the claim. */
  isEstablished(id: string): boolean {
    return this.#entries.get(id)?.phase === "established";
  }

  /** What we may answer with. */
  records(): DnsRecord[] {
    return this.#recordsOf(({ phase }) => phase === "established");
  }

  /**
   * What one-shot queries may be answered with (section 5.1): also what was
   * established and is being probed again. Such an answer goes to the querier
   * alone, which keeps it for seconds and not as the only truth, so it takes
   * the name from no other host; and a booting machine need not wait because
   * another host, or a forger, disputes a name.
   *
   * @returns all of `records` and perhaps more
   */
  oneShotRecords(): DnsRecord[] {
    return this.#recordsOf(({ phase, wasEstablished }) =>
      phase === "established" || (phase === "probing" && wasEstablished)
    );
  }

  /** Counts up whenever either kind of records may have changed. */
  get revision(): number {
    return this.#revision;
  }

  /** The claim to a name that is being probed. */
  probed(name: DnsName): Claim | undefined {
    const entry = this.#named(name);
    return entry?.phase === "probing" ? entry.claim : undefined;
  }

  /** Another host probes for the same name, and wins (section 8.2). */
  yieldTo(name: DnsName, nowMs: number): void {
    const entry = this.#named(name);
    if (entry?.phase === "probing") restart(entry, nowMs + TIE_BREAK_WAIT_MS);
  }

  /**
   * Another host says it has a name of ours: a probe is lost, an established
   * claim is probed again (section 9).
   *
   * @param record what it says; must differ from all of ours
   * @returns the id of a claim that needs another name
   */
  contest(record: DnsRecord, nowMs: number): string | undefined {
    const entry = this.#named(record.name);
    if (entry === undefined || entry.phase === "lost") return undefined;
    const ours = entry.claim.unique;
    if (
      entry.phase === "established" &&
      !ours.some((own) => own.type === record.type)
    ) return undefined;
    this.#conflictsMs = [
      ...this.#conflictsMs.filter((ms) => ms > nowMs - CONFLICT_WINDOW_MS),
      nowMs,
    ];
    this.#revision++;
    if (entry.phase === "established") {
      restart(entry, nowMs + this.#conflictWaitMs());
      return undefined;
    }
    entry.phase = "lost";
    entry.dueMs = Infinity;
    return this.#names.get(foldName(record.name));
  }

  /** Takes out what to send now. */
  take(nowMs: number): DueClaims {
    const probes: Claim[] = [];
    const announcements: DnsRecord[] = [];
    const established: string[] = [];
    for (const [id, entry] of this.#entries) {
      if (entry.dueMs > nowMs) continue;
      if (entry.phase === "probing" && entry.sent < PROBE_COUNT) {
        probes.push(entry.claim);
        entry.sent++;
        entry.dueMs = nowMs + PROBE_INTERVAL_MS;
        continue;
      }
      if (entry.phase === "probing" && entry.claim.isReserved === true) {
        entry.dueMs = Infinity;
        continue;
      }
      if (entry.phase === "probing") {
        entry.phase = "established";
        entry.sent = 0;
        entry.wasEstablished = true;
        this.#revision++;
        established.push(id);
      }
      announcements.push(...entry.claim.shared, ...entry.claim.unique);
      entry.announcedMs = nowMs;
      const next = ANNOUNCE_AFTER_MS[++entry.sent];
      entry.dueMs = next === undefined ? Infinity : nowMs + next;
    }
    return {
      probes,
      announcements,
      goodbyes: this.#goodbyes(nowMs),
      established,
    };
  }

  /** When `take` has something next, `Infinity` for never. */
  nextDueMs(): number {
    let nextMs = Infinity;
    for (const { dueMs } of this.#entries.values()) {
      if (dueMs < nextMs) nextMs = dueMs;
    }
    return Math.min(nextMs, ...this.#farewells.map(({ dueMs }) => dueMs));
  }

  #newEntry(
    claim: Claim,
    wasEstablished: boolean,
    nowMs: number,
  ): Entry {
    const waiting = this.#entries.values().find((entry) =>
      entry.phase === "probing" && entry.sent === 0 &&
      entry.dueMs <= nowMs + PROBE_INTERVAL_MS
    );
    return {
      claim,
      phase: "probing",
      wasEstablished,
      sent: 0,
      announcedMs: -Infinity,
      // Section 8.1: hosts that start together do not probe all at once.
      dueMs: Math.max(
        waiting?.dueMs ?? nowMs + this.#random() * MAX_PROBE_DELAY_MS,
        nowMs + this.#conflictWaitMs(),
      ),
    };
  }

  #recordsOf(isWanted: (entry: Entry) => boolean): DnsRecord[] {
    return [...this.#entries.values()].filter(isWanted)
      .flatMap(({ claim }) => [...claim.shared, ...claim.unique]);
  }

  #conflictWaitMs(): number {
    return this.#conflictsMs.length >= CONFLICT_LIMIT ? CONFLICT_WAIT_MS : 0;
  }

  #named(name: DnsName): Entry | undefined {
    return this.#entries.get(this.#names.get(foldName(name)) ?? "");
  }

  #sayGoodbye(
    entry: Entry,
    records: readonly DnsRecord[],
    nowMs: number,
  ): void {
    if (entry.announcedMs === -Infinity) return;
    this.#farewells.push({ records, timesLeft: 2, dueMs: nowMs });
  }

  /** What is claimed again must not be taken leave of. */
  #recall({ shared, unique }: Claim): void {
    if (this.#farewells.length === 0) return;
    const claimed = new Set([...shared, ...unique].map(recordKey));
    this.#farewells = this.#farewells.map((farewell) => ({
      ...farewell,
      records: farewell.records.filter((r) => !claimed.has(recordKey(r))),
    }));
  }

  #goodbyes(nowMs: number): DnsRecord[] {
    const due = this.#farewells.filter((farewell) => farewell.dueMs <= nowMs);
    for (const farewell of due) {
      farewell.timesLeft--;
      farewell.dueMs = nowMs + GOODBYE_REPEAT_MS;
    }
    this.#farewells = this.#farewells.filter((f) => f.timesLeft > 0);
    return due.flatMap(({ records }) =>
      records.map((record) => ({ ...record, ttlSeconds: 0 }))
    );
  }
}

/** Whether a reserved name was probed for, and no host objected so far. */
function isProbed({ phase, dueMs }: Entry): boolean {
  return phase === "probing" && dueMs === Infinity;
}

/** As a change, in its turn. */
function announce(entry: Entry, nowMs: number): void {
  if (entry.phase !== "established") return;
  entry.sent = 0;
  entry.dueMs = Math.max(nowMs, entry.announcedMs + UPDATE_INTERVAL_MS);
}

function restart(entry: Entry, dueMs: number): void {
  entry.phase = "probing";
  entry.sent = 0;
  entry.dueMs = dueMs;
}

function sameClaim(a: Claim, b: Claim): boolean {
  const text = ({ unique, shared }: Claim) =>
    [...unique, ...shared].map((r) => `${recordKey(r)} ${r.ttlSeconds}`).join();
  return text(a) === text(b);
}
