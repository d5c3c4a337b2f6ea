import assert from "node:assert/strict";
import { join } from "node:path";
import {
  openServiceManager,
  readServiceEnvironment,
} from "../../lib/cli/service_manager.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { openNotifySocket } from "../support/notify_socket.ts";
import { temporaryDirectory } from "../support/programs.ts";

function read(variables: Record<string, string>) {
  return readServiceEnvironment((name) => variables[name], 7);
}

Deno.test("readServiceEnvironment() takes the watchdog's interval unless it is meant for another process", () => {
  assert.equal(read({}), undefined);
  assert.equal(read({ NOTIFY_SOCKET: "" }), undefined);
  const NOTIFY_SOCKET = "/run/systemd/notify";
  const plain = { notifySocket: NOTIFY_SOCKET };
  assert.deepEqual(read({ NOTIFY_SOCKET }), plain);
  const WATCHDOG_USEC = "30000000";
  const watched = { ...plain, watchdogMs: 30_000 };
  assert.deepEqual(read({ NOTIFY_SOCKET, WATCHDOG_USEC }), watched);
  const own = { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID: "7" };
  assert.deepEqual(read(own), watched);
  assert.deepEqual(read({ ...own, WATCHDOG_PID: "8" }), plain);
  for (const WATCHDOG_USEC of ["0", "-1", "x", ""]) {
    assert.deepEqual(read({ NOTIFY_SOCKET, WATCHDOG_USEC }), plain);
  }
});

Deno.test("openServiceManager() tells in order, and of being alive twice in each interval", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "notify");
  using socket = openNotifySocket(path);
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  {
    await using manager = openServiceManager(
      { notifySocket: path, watchdogMs: 30_000 },
      { clock, logger },
    );
    manager.ready();
    assert.deepEqual(await socket.take(2), ["WATCHDOG=1", "READY=1"]);
    await clock.advance(15_000);
    assert.deepEqual(await socket.take(1), ["WATCHDOG=1"]);
    manager.stopping();
    assert.deepEqual(await socket.take(1), ["STOPPING=1"]);
  }
  await clock.advance(60_000);
  assert.deepEqual(socket.untaken(), []);
  assert.deepEqual(logger.lines, []);
});

Deno.test("openServiceManager() says once that nobody listens, and goes on", async () => {
  await using directory = await temporaryDirectory();
  const clock = new FakeClock();
  for (const notifySocket of [join(directory.path, "none"), "@abstract"]) {
    const logger = new MemoryLogger();
    {
      await using manager = openServiceManager({ notifySocket }, {
        clock,
        logger,
      });
      manager.ready();
      manager.stopping();
    }
    assert.equal(logger.lines.length, 1, logger.lines.join("\n"));
    assert.match(logger.lines[0] ?? "", /^WARN Cannot tell .* Type=exec/);
  }
});

Deno.test("openServiceManager() tells nobody when nobody asked", async () => {
  const logger = new MemoryLogger();
  const clock = new FakeClock();
  await using manager = openServiceManager(undefined, { clock, logger });
  manager.ready();
  manager.stopping();
  await clock.advance(60_000);
  assert.deepEqual(logger.lines, []);
});
