import assert from "node:assert/strict";
import { acceptClients } from "../../../lib/net/http1/accept_clients.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";

/**
 * Accepts what a listener has, one after the other, until it has no more.
 * `undefined` is a client, a text the code of an error.
 */
function accepting(outcomes: readonly (string | undefined)[]): {
  readonly clock: FakeClock;
  readonly state: { served: number; madeRoom: number };
  readonly logger: MemoryLogger;
  end(): Promise<void>;
} {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const state = { served: 0, madeRoom: 0 };
  const left = [...outcomes];
  const ending = new AbortController();
  const closed = Promise.withResolvers<void>();
  const ended = acceptClients({
    async accept() {
      if (left.length === 0) await closed.promise;
      const code = left.shift();
      if (code === undefined) return;
      throw Object.assign(new Error(`failed with ${code}`), { code });
    },
  }, {
    serve: () => state.served++,
    makeRoom: () => state.madeRoom++,
    clock,
    logger,
    signal: ending.signal,
  });
  return {
    clock,
    state,
    logger,
    async end() {
      ending.abort();
      closed.reject(new Error("closed"));
      await ended;
    },
  };
}

for (
  const code of [
    ...["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EPROTO", "EINTR", "EINVAL"],
    ...["EPERM", "ENETUNREACH", "EHOSTUNREACH"],
  ]
) {
  Deno.test(`acceptClients() has the next client at once after ${code}`, async () => {
    const { state, logger, clock, end } = accepting([
      ...new Array(300).fill(code),
      undefined,
    ]);
    await clock.advance(0);
    assert.deepEqual(state, { served: 1, madeRoom: 0 });
    assert.deepEqual(logger.lines, []);
    await end();
  });
}

for (const code of ["EMFILE", "ENFILE"]) {
  Deno.test(`acceptClients() makes room after ${code}, and says so once`, async () => {
    const { state, logger, clock, end } = accepting([code, code, undefined]);
    await clock.advance(0);
    assert.deepEqual(state, { served: 0, madeRoom: 1 });
    await clock.advance(100);
    assert.deepEqual(state, { served: 0, madeRoom: 2 });
    await clock.advance(100);
    assert.deepEqual(state, { served: 1, madeRoom: 2 });
    assert.deepEqual(logger.lines, [
      `ERROR Cannot accept HTTP clients: failed with ${code}; idle ones are closed to make room`,
    ]);
    await end();
  });
}

for (const code of ["ENOBUFS", "ENOMEM", "EBADF", "ESOMETHING"]) {
  Deno.test(`acceptClients() closes nobody after ${code}, but does not try without a pause`, async () => {
    const { state, logger, clock, end } = accepting([code, undefined]);
    await clock.advance(0);
    assert.deepEqual(state, { served: 0, madeRoom: 0 });
    await clock.advance(100);
    assert.deepEqual(state, { served: 1, madeRoom: 0 });
    assert.deepEqual(logger.lines, [
      `ERROR Cannot accept HTTP clients: failed with ${code}; trying again`,
    ]);
    await end();
  });
}
