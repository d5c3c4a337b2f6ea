import { foldName } from "../net/dns/name.ts";
import { SERVICE_NAME } from "../wire/dns_sd_names.ts";
import type { HeardInstance } from "./observations.ts";

/** A record as a stranger's library reads it; its data may be anything. */
export interface HeardRecord {
  /** Labels joined by dots. */
  readonly name: string;
  /** Such as `PTR`. */
  readonly type: string;
  /** Its form depends on the type. */
  readonly data?: unknown;
  /** Seconds; 0 is a goodbye. */
  readonly ttl?: number | undefined;
}

/** A question about missing records. */
export interface Question {
  /** Labels joined by dots. */
  readonly name: string;
  /** The type of the record. */
  readonly type: "PTR" | "SRV" | "TXT" | "A" | "AAAA";
}

/** More names than this are a flood. */
const MAX_NAMES = 20_000;

/**
 * How many incomplete instances to ask about, so as not to answer one flood
 * with another.
 */
const MAX_FURTHER_QUESTIONS = 20;

/** Assembles what is heard about instances of our service type. */
export class HeardInstances {
  /** By lower-case name: the name as received, and its sender. */
  readonly #instances = new Map<string, { name: string; source: string }>();
  readonly #services = new Map<string, { target: string; port: number }>();
  readonly #texts = new Map<string, readonly Uint8Array[]>();
  readonly #addresses = new Map<string, Set<string>>();

  /** How much is known: grows with every new record. */
  get count(): number {
    return this.#instances.size + this.#services.size + this.#texts.size +
      this.#addresses.size;
  }

  /**
   * Adds the records of one response, both answers and additional ones.
   *
   * @param source the address of the host that sent it
   */
  add(records: readonly HeardRecord[], source: string): void {
    for (const { name, type, data, ttl } of records) {
      if (ttl === 0 || this.count >= MAX_NAMES) continue;
      const key = foldName(name);
      if (type === "PTR" && key === SERVICE_NAME && typeof data === "string") {
        this.#instances.set(foldName(data), { name: data, source });
      } else if (type === "SRV" && isService(data)) {
        this.#services.set(key, data);
      } else if (type === "TXT") {
        this.#texts.set(
          key,
          (Array.isArray(data) ? data : [data]).filter(isBytes),
        );
      } else if (
        (type === "A" || type === "AAAA") && typeof data === "string"
      ) {
        const known = this.#addresses.get(key) ?? new Set();
        this.#addresses.set(key, known.add(data));
      }
    }
  }

  /** The instances whose TXT record is known. */
  instances(): HeardInstance[] {
    return [...this.#instances].flatMap(([key, { name, source }]) => {
      const txt = this.#texts.get(key);
      const service = this.#services.get(key);
      const addresses = this.#addresses.get(foldName(service?.target ?? ""));
      return txt === undefined ? [] : [{
        ...{ name, source, txt },
        host: service?.target,
        port: service?.port,
        addresses: [...addresses ?? []],
      }];
    });
  }

  /** What to ask next: for all instances, and for the records they lack. */
  questions(): Question[] {
    const further = [...this.#instances].flatMap(([key, { name }]) => {
      const service = this.#services.get(key);
      const lacksAddress = service !== undefined &&
        !this.#addresses.has(foldName(service.target));
      return [
        ...service === undefined ? [{ name, type: "SRV" as const }] : [],
        ...this.#texts.has(key) ? [] : [{ name, type: "TXT" as const }],
        ...lacksAddress
          ? [
            { name: service.target, type: "A" as const },
            { name: service.target, type: "AAAA" as const },
          ]
          : [],
      ];
    });
    return [
      { name: SERVICE_NAME, type: "PTR" },
      ...further.slice(0, MAX_FURTHER_QUESTIONS),
    ];
  }
}

function isService(data: unknown): data is { target: string; port: number } {
  return typeof data === "object" && data !== null && "target" in data &&
    typeof data.target === "string" && "port" in data &&
    typeof data.port === "number";
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
