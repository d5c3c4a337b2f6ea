import assert from "node:assert/strict";
import { DEFAULT_CONFIG } from "../../lib/config/provider_config.ts";
import { watchNodeClock } from "../../lib/provider/node_clock.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const FAULT =
  "Records of other DHT nodes are refused here as of the future: the clock of this machine is 10 minutes behind those of other DHT nodes, set it";

/** A clock that is watched, and how far others say that it is ahead. */
function watch(network = "private") {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const told: { leadMs?: number } = {};
  const watched = watchNodeClock(
    { clockLead: () => Promise.resolve(told.leadMs) },
    { ...DEFAULT_CONFIG.dht, network },
    { clock, logger },
  );
  return { clock, logger, told, watched };
}

Deno.test("watchNodeClock() says once that the clock is wrong, until it is right again", async () => {
  const { clock, logger, told, watched } = watch();
  await clock.advance(60_000);
  assert.deepEqual(watched.warnings(), [], "nobody tells the time");
  told.leadMs = -600_000;
  await clock.advance(300_000);
  assert.deepEqual(watched.warnings(), [FAULT]);
  assert.deepEqual(logger.lines, [`WARN ${FAULT}`]);
  told.leadMs = 1000;
  await clock.advance(60_000);
  assert.deepEqual(watched.warnings(), []);
  told.leadMs = -600_000;
  await clock.advance(60_000);
  assert.equal(logger.lines.length, 2);
  await watched[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("watchNodeClock() minds no clock where records are not kept", async () => {
  const { clock, logger, told, watched } = watch("amino");
  told.leadMs = -600_000;
  await clock.advance(60_000);
  assert.deepEqual(logger.lines, []);
  await watched[Symbol.asyncDispose]();
});
