import assert from "node:assert/strict";
import { ok, refuse, type Result } from "../../../lib/core/result.ts";
import { PortMapper } from "../../../lib/net/upnp/port_mapper.ts";
import { logPortMapping } from "../../../lib/provider/open_dht.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { FakeRouter } from "../../support/fake_router.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";

function open(
  prepare: (router: FakeRouter) => void = () => {},
): {
  mapper: PortMapper;
  router: FakeRouter;
  clock: FakeClock;
  logger: MemoryLogger;
} {
  const router = new FakeRouter();
  prepare(router);
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const search = (): Promise<Result<URL>> =>
    Promise.resolve(
      router.isUp ? ok(router.location) : refuse("no router answered"),
    );
  const ports = [8080, 4001];
  const mapper = new PortMapper({
    ports,
    internalAddress: () => "192.168.1.20",
    report: (news) => logPortMapping(logger, ports, news),
    clock,
    search,
    fetch: router.fetch,
  });
  return { mapper, router, clock, logger };
}

Deno.test("both ports are mapped, renewed, and taken back at the end", async () => {
  const { mapper, router, clock, logger } = open();
  await clock.advance(10);
  assert.equal(mapper.externalAddress(), "203.0.113.7");
  assert.deepEqual([...router.mappings.keys()], [8080, 4001]);
  router.mappings.clear(); // It was restarted.
  await clock.advance(1800_000);
  assert.deepEqual([...router.mappings.keys()], [8080, 4001]);
  assert.deepEqual(logger.lines, [
    "INFO Reachable from the internet as 203.0.113.7, TCP ports 8080, 4001 (mapped by the router)",
  ]);
  await mapper[Symbol.asyncDispose]();
  assert.equal(router.mappings.size, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("one port without the other is not kept", async () => {
  const { mapper, router, clock, logger } = open((r) => r.taken.add(4001));
  await clock.advance(10);
  assert.equal(mapper.externalAddress(), undefined);
  assert.equal(router.mappings.size, 0);
  assert.deepEqual(logger.lines, [
    "WARN Not reachable from beyond the router (port 4001: the router refuses: ConflictInMappingEntry (718)): map TCP ports 8080, 4001 there by hand and name the address with --advertise-url",
  ]);
  await mapper[Symbol.asyncDispose]();
});

Deno.test("without a router there is one WARN, and it is tried again", async () => {
  const { mapper, router, clock, logger } = open((r) => r.isUp = false);
  await clock.advance(300_000);
  assert.equal(logger.lines.length, 1);
  router.isUp = true;
  await clock.advance(1800_000);
  assert.equal(mapper.externalAddress(), "203.0.113.7");
  router.isUp = false;
  await clock.advance(1800_000);
  assert.equal(mapper.externalAddress(), undefined);
  assert.equal(logger.lines.length, 3);
  await mapper[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("a mapping that never ends is said to be one, and taken back", async () => {
  const { mapper, router, clock, logger } = open((r) => r.knowsLeases = false);
  await clock.advance(10);
  assert.deepEqual(
    [...router.mappings.values()].map(({ leaseSeconds }) => leaseSeconds),
    [0, 0],
  );
  await clock.advance(1800_000);
  assert.deepEqual(logger.lines.slice(1), [
    "WARN The router supports permanent mappings only: TCP ports 8080, 4001 stay mapped until plasmd ends and removes them; after a crash, remove them there by hand",
  ]);
  await mapper[Symbol.asyncDispose]();
  assert.equal(router.mappings.size, 0);
  assert.equal(logger.lines.length, 2);
});

Deno.test("a mapping that never ends is taken back also when it was not confirmed lately", async () => {
  const { mapper, router, clock } = open((r) => r.knowsLeases = false);
  await clock.advance(10);
  router.externalAddress = "10.0.0.1"; // behind another router now
  await clock.advance(1800_000);
  assert.equal(mapper.externalAddress(), undefined);
  await mapper[Symbol.asyncDispose]();
  assert.equal(router.mappings.size, 0);
});

Deno.test("a port of another machine is not taken from it at the end", async () => {
  const { mapper, router, clock } = open((r) => {
    r.knowsLeases = false;
    r.taken.add(4001);
    r.mappings.set(4001, { to: "192.168.1.30", leaseSeconds: 0 });
  });
  await clock.advance(10);
  await mapper[Symbol.asyncDispose]();
  assert.deepEqual([...router.mappings.keys()], [4001]);
});

Deno.test("a mapping that never ends and cannot be taken back is left to the operator", async () => {
  const { mapper, router, clock, logger } = open((r) => r.knowsLeases = false);
  await clock.advance(10);
  router.isUp = false;
  await mapper[Symbol.asyncDispose]();
  assert.equal(
    logger.lines.at(-1),
    "WARN Cannot remove the router's port mappings: remove TCP ports 8080, 4001 there by hand",
  );
});

Deno.test("a new public address is told", async () => {
  const { mapper, router, clock, logger } = open();
  await clock.advance(10);
  router.externalAddress = "203.0.113.8";
  await clock.advance(1800_000);
  assert.equal(mapper.externalAddress(), "203.0.113.8");
  assert.equal(logger.lines.length, 2);
  await mapper[Symbol.asyncDispose]();
});
