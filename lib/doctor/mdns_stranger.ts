import type { MulticastDNS, Options } from "multicast-dns";
import { type Clock, sleep } from "../core/clock.ts";
import { errorCode } from "../core/error_code.ts";
import { messageOf } from "../core/printable.ts";
import { interfacesTowards, type Link } from "../net/interfaces.ts";
import { HeardInstances } from "./heard_instances.ts";
import type { HeardInstance, LinkView } from "./observations.ts";

/** How a link is asked. */
export interface AskOptions {
  /** Times the questions. */
  readonly clock: Clock;
  /** Every link that is asked: Linux delivers what arrives on one to all. */
  readonly links: readonly Link[];
  readonly isEnough: (heard: readonly HeardInstance[]) => boolean;
  /** Ends the asking. */
  readonly signal: AbortSignal;
}

const GROUP = { 4: "224.0.0.251", 6: "ff02::fb" } as const;

/** RFC 6762 section 5.2: the second query follows a second after the first. */
const REPEAT_MS = 1000;
/** For other hosts' answers to the second query: we compare their clocks. */
const OTHERS_MS = 1500;
/** How long nothing new must be heard: responders answer within a second. */
const QUIET_MS = 3000;
/** For hosts with thousands of images. */
const MAX_MS = 15_000;
const LOOK_MS = 50;

/**
 * Asks one link for boot images as another program would: with
 * npm:multicast-dns, which shares no code with our own responder. Only the
 * first question loads it.
 *
 * @throws the signal's reason, if it aborts first
 */
export async function askAsStranger(
  link: Link,
  { clock, links, isEnough, signal }: AskOptions,
): Promise<LinkView> {
  signal.throwIfAborted();
  const { default: multicastDns } = await import("multicast-dns");
  const known = new HeardInstances();
  // The id should be 0 and is ignored by receivers (section 18.1): a random one
  // tells our own query from those of other programs on this machine.
  const [drawn = 0] = crypto.getRandomValues(new Uint16Array(1));
  const token = drawn || 1;
  let isOwnCopyHeard = false;
  let lastNewsMs = clock.monotonic();
  const mdns = multicastDns(optionsFor(link));
  // The same errors are reported when a query is sent.
  mdns.on("error", () => {});
  mdns.on("warning", () => {});
  mdns.on("query", ({ id }) => isOwnCopyHeard ||= id === token);
  const own = links.flatMap(({ addresses }) => addresses);
  mdns.on("response", ({ answers, additionals }, { address }) => {
    const over = interfacesTowards(address, own);
    if (over.size > 0 && !over.has(link.interfaceName)) return;
    const before = known.count;
    known.add([...answers ?? [], ...additionals ?? []], address);
    if (known.count > before) lastNewsMs = clock.monotonic();
  });
  const startMs = clock.monotonic();
  let trouble: LinkView["trouble"];
  try {
    for (let nextMs = startMs; trouble?.isPortHeld !== true;) {
      const nowMs = clock.monotonic();
      const isOver = nowMs - startMs >= OTHERS_MS && isOwnCopyHeard;
      if (isOver && isEnough(known.instances())) break;
      if (nowMs - lastNewsMs > QUIET_MS || nowMs - startMs > MAX_MS) break;
      if (nowMs >= nextMs) {
        nextMs = nowMs + REPEAT_MS;
        trouble = await ask(mdns, token, known);
      }
      await sleep(clock, LOOK_MS, { signal });
    }
  } finally {
    close(mdns);
  }
  return {
    ...{ link, isOwnCopyHeard, heard: known.instances() },
    ...trouble !== undefined && { trouble },
  };
}

/** Bound to the group, like a responder's, so that it takes no unicast. */
function optionsFor({ interfaceName, family, addresses }: Link): Options {
  return family === 4
    ? { type: "udp4", interface: addresses[0]?.address, bind: GROUP[4] }
    : {
      ...{ type: "udp6", ip: GROUP[6], interface: `::%${interfaceName}` },
      bind: `${GROUP[6]}%${interfaceName}`,
    };
}

/** @returns why the question could not be sent */
function ask(
  mdns: MulticastDNS,
  token: number,
  known: HeardInstances,
): Promise<LinkView["trouble"]> {
  const query = { id: token, questions: known.questions() };
  return new Promise((resolve) => {
    const onSent = (error: Error | null | undefined) =>
      resolve(
        error instanceof Error
          ? {
            isPortHeld: errorCode(error) === "EADDRINUSE",
            message: messageOf(error),
          }
          : undefined,
      );
    try {
      mdns.query(query, onSent);
    } catch (error) {
      onSent(error instanceof Error ? error : new Error(messageOf(error)));
    }
  });
}

/**
 * A socket that was never bound cannot be closed, and nothing reports whether
 * one is bound.
 */
function close(mdns: MulticastDNS): void {
  try {
    mdns.destroy();
  } catch {
    // It never opened.
  }
}
