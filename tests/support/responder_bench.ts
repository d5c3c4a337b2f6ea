import {
  type DnsMessage,
  type DnsRecord,
  recordKey,
} from "../../lib/net/dns/message.ts";
import type { Claim } from "../../lib/net/mdns/claim_register.ts";
import {
  MdnsResponder,
  type ResponderAction,
} from "../../lib/net/mdns/responder.ts";
import type { Endpoint } from "../../lib/net/mdns/socket.ts";
import {
  hostClaim,
  metaRecord,
  serviceClaim,
} from "../../lib/net/mdns/service_claim.ts";
import { decoded, describeRecord } from "./mdns_messages.ts";

export const SERVICE = "_phase-image._tcp.local";
export const SUBTYPE = "_stable-arm64._sub._phase-image._tcp.local";
export const INSTANCE = "phase-stable-arm64-lab._phase-image._tcp.local";
export const HOST = "phase-lab.local";
export const PEER: Endpoint = { address: "10.0.0.9", port: 5353 };
export const LEGACY: Endpoint = { address: "10.0.0.9", port: 40_000 };

export const PTR = `PTR ${SERVICE} ${INSTANCE} 4500`;
export const SUB = `PTR ${SUBTYPE} ${INSTANCE} 4500`;
export const SRV = `SRV ${INSTANCE} ${HOST}:8080 120 flush`;
export const TXT = `TXT ${INSTANCE} txtvers=1 4500 flush`;
export const A = `A ${HOST} 10.0.0.1 120 flush`;
export const NSEC = `NSEC ${HOST} A 120 flush`;
export const META = `PTR _services._dns-sd._udp.local ${SERVICE} 4500`;

/** The claim to an instance of the service and its subtype. */
export function instanceClaim(
  { instance = INSTANCE, host = HOST, text }: {
    readonly instance?: string;
    readonly host?: string;
    readonly text?: string;
  },
): Claim {
  return serviceClaim({
    instance,
    listedUnder: [SERVICE, SUBTYPE],
    host,
    port: 8080,
    txt: text === undefined ? [] : [new TextEncoder().encode(text)],
  });
}

export function claims(version = "txtvers=1"): Map<string, Claim> {
  return new Map([
    ["host", hostClaim(HOST, ["10.0.0.1"])],
    ["stable/arm64", instanceClaim({ text: version })],
  ]);
}

/** A responder with its time, and what it sent as text. */
export class Bench {
  nowMs = 0;
  readonly sent: { atMs: number; to: string; message: DnsMessage }[] = [];
  readonly events: string[] = [];
  readonly #ours = new Set<string>();
  readonly responder = new MdnsResponder({
    random: () => 0.5,
    answersAlone: (address) => address.startsWith("10.0.0."),
    isSelf: (address) => address === "10.0.0.1",
    isOurs: (record) => this.#ours.has(recordKey(record)),
    common: [metaRecord(SERVICE)],
  });

  claim(wanted: Map<string, Claim>): this {
    for (const { unique } of wanted.values()) {
      unique.forEach((record) => this.#ours.add(recordKey(record)));
    }
    this.#take(this.responder.setClaims(wanted, this.nowMs));
    return this;
  }

  /** Lets time pass. */
  pass(durationMs: number): this {
    const endMs = this.nowMs + durationMs;
    while (this.responder.nextDueMs() <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.responder.nextDueMs());
      this.#take(this.responder.tick(this.nowMs));
    }
    this.nowMs = endMs;
    return this;
  }

  hear(message: DnsMessage, from = PEER): this {
    this.#take(this.responder.receive(message, from, this.nowMs));
    return this;
  }

  /** Forgets what was sent so far. */
  quiet(): this {
    this.sent.length = 0;
    this.events.length = 0;
    return this;
  }

  /** Answers sent since, `at: record`, relative to now as given. */
  answers(sinceMs = 0): string[] {
    return this.sent.flatMap(({ atMs, to, message }) =>
      message.answers.map((r) =>
        `${atMs - sinceMs} ${to}: ${describeRecord(r)}`
      )
    );
  }

  #take(actions: readonly ResponderAction[]): void {
    for (const action of actions) {
      if (action.kind === "established") {
        this.events.push(`${this.nowMs} established ${action.id}`);
      } else if (action.kind === "conflict") {
        this.events.push(`${this.nowMs} conflict ${action.id} ${action.name}`);
      } else {
        const to = action.kind === "multicast" ? "all" : action.to.address;
        const message = decoded(action.packet);
        this.sent.push({ atMs: this.nowMs, to, message });
      }
    }
  }
}

/** A bench whose claims were established a minute ago. */
export function established(): Bench {
  return new Bench().claim(claims()).pass(60_000).quiet();
}

/** Records as text. */
export function describe(records: readonly DnsRecord[]): string[] {
  return records.map(describeRecord);
}
