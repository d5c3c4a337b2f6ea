import { inBackground } from "../core/background.ts";
import { sleep } from "../core/clock.ts";
import type { DhtNode } from "../net/dht/node.ts";
import { keepingClockProblem } from "../wire/boot_record.ts";
import type { Machine, ServeConfig } from "./machine.ts";
import { StandingWarnings } from "./standing_warnings.ts";

/** By then some nodes have joined. */
const FIRST_CHECK_MS = 10_000;
const INTERVAL_MS = 60_000;

/** A node's clock, watched until it is disposed of. */
export interface NodeClock extends AsyncDisposable {
  /** What is wrong with it at the moment. */
  readonly warnings: () => readonly string[];
}

/**
 * Holds the clock of a node that keeps what others publish against theirs: a
 * wrong one has it refuse what it is there for. Said when it begins.
 *
 * @param life by the settings, which the others are taken to have as well
 */
export function watchNodeClock(
  node: Pick<DhtNode, "clockLead">,
  life: Pick<
    ServeConfig["dht"],
    "network" | "recordTtlSeconds" | "refreshIntervalSeconds"
  >,
  machine: Pick<Machine, "clock" | "logger">,
): NodeClock {
  const standing = new StandingWarnings(machine);
  const ttlSeconds = life.recordTtlSeconds;
  const refreshSeconds = life.refreshIntervalSeconds;
  const watching = inBackground(async ({ signal }) => {
    let waitMs = FIRST_CHECK_MS;
    while (true) {
      await sleep(machine.clock, waitMs, { signal });
      waitMs = INTERVAL_MS;
      const leadMs = await node.clockLead({ signal });
      // The public DHT holds no records of ours.
      const problem = leadMs === undefined || life.network === "amino"
        ? undefined
        : keepingClockProblem(leadMs, { ttlSeconds, refreshSeconds });
      standing.update(problem === undefined ? [] : [problem], 0);
    }
  }, machine);
  return {
    warnings: () => standing.texts,
    [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
  };
}
