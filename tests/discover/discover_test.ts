import assert from "node:assert/strict";
import { sleep } from "../../lib/core/clock.ts";
import { UserError } from "../../lib/core/errors.ts";
import { ok, refuse } from "../../lib/core/result.ts";
import {
  discover,
  type DiscoverOptions,
  type DiscoveryResult,
} from "../../lib/discover/discover.ts";
import type { Source } from "../../lib/discover/source.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { candidate, memorySource, verified } from "../support/memory_source.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const { signal } = new AbortController();

function run(
  clock: FakeClock,
  options: Partial<DiscoverOptions>,
): Promise<DiscoveryResult> {
  return discover({
    image: IMAGE,
    timeoutMs: 10_000,
    sources: [],
    check: () => Promise.resolve(ok(verified())),
    all: false,
    clock,
    ...options,
  }, { signal });
}

/** A source, and what it is told of the discovery. */
function askedSource(
  inner: Source,
): { source: Source; isChecking: () => boolean } {
  let isChecking = () => false;
  const source: Source = {
    name: inner.name,
    find(image, options) {
      isChecking = options.isChecking ?? isChecking;
      return inner.find(image, options);
    },
  };
  return { source, isChecking: () => isChecking() };
}

function hosts(result: DiscoveryResult): string[] {
  return result.providers.map(({ candidate }) => candidate.manifestUrl.host);
}

Deno.test("discover() returns the first good candidate and closes its sources", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [5, { kind: "candidate", candidate: candidate("a") }],
    [11, { kind: "candidate", candidate: candidate("b") }],
  ], { clock });
  const running = run(clock, { sources: [source] });
  await clock.advance(10);
  const result = await running;
  assert.deepEqual(hosts(result), ["a"]);
  assert.equal(result.providers[0]?.elapsedMs, 5);
  assert.ok(!source.closed, "the result comes first");
  await result[Symbol.asyncDispose]();
  assert.ok(source.closed);
  assert.equal(clock.pending, 0);
});

Deno.test("discover() goes on for those who want further providers, by the sources that had one", async () => {
  const clock = new FakeClock();
  const lan = memorySource([
    [5, { kind: "candidate", candidate: candidate("a") }],
    [700, { kind: "candidate", candidate: candidate("b") }],
    [20_000, { kind: "candidate", candidate: candidate("c") }],
  ], { clock });
  const dht = memorySource([], { clock, name: "dht" });
  const further: string[] = [];
  let progress = 0;
  const running = run(clock, {
    sources: [lan, dht],
    onFurther: ({ candidate }) => further.push(candidate.manifestUrl.host),
    onProgress: () => progress++,
  });
  await clock.advance(10);
  const result = await running;
  assert.deepEqual(hosts(result), ["a"]);
  assert.ok(dht.closed, "it had none");
  await clock.advance(20_000);
  assert.deepEqual(further, ["b", "c"]);
  assert.equal(progress, 0, "that is over");
  await result[Symbol.asyncDispose]();
  assert.ok(lan.closed);
  assert.equal(clock.pending, 0);
});

Deno.test("discover() tells its sources when nobody waits any more", async () => {
  const clock = new FakeClock();
  await clock.advance(500);
  const deadlines: unknown[] = [];
  const source = memorySource([], { clock });
  const running = run(clock, {
    timeoutMs: 3000,
    sources: [{
      ...source,
      find(image, options) {
        deadlines.push(options.deadlineMs);
        return source.find(image, options);
      },
    }],
  });
  await clock.advance(3000);
  await (await running)[Symbol.asyncDispose]();
  assert.deepEqual(deadlines, [3500]);
});

Deno.test("discover() skips candidates that are refused and keeps the reasons", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("dead") }],
    [2, { kind: "candidate", candidate: candidate("good") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    check: ({ manifestUrl }) =>
      Promise.resolve(
        manifestUrl.host === "dead"
          ? refuse({ code: "unreachable", message: "connection refused" })
          : ok(verified()),
      ),
  });
  await clock.advance(6);
  const result = await running;
  assert.deepEqual(hosts(result), ["good"]);
  assert.deepEqual(result.refused.map((r) => r.refusal.code), ["unreachable"]);
});

Deno.test("discover() asks a busy provider again, and forgets that it was", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("busy") }],
  ], { clock });
  let checks = 0;
  const running = run(clock, {
    sources: [source],
    check: () =>
      Promise.resolve(
        ++checks < 3
          ? refuse({ code: "status", message: "answered 503" })
          : ok(verified()),
      ),
  });
  await clock.advance(3001);
  const result = await running;
  assert.deepEqual(hosts(result), ["busy"]);
  assert.deepEqual(result.refused, []);
  assert.equal(checks, 3);
});

Deno.test("discover() is not held up by a candidate that never answers", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("slow") }],
    [2, { kind: "candidate", candidate: candidate("good") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    check: async ({ manifestUrl }, { signal }) => {
      if (manifestUrl.host === "slow") await sleep(clock, 60_000, { signal });
      return ok(verified());
    },
  });
  await clock.advance(252);
  assert.deepEqual(hosts(await running), ["good"]);
});

Deno.test("discover() ends at the timeout and tells what else exists", async () => {
  const clock = new FakeClock();
  const other = { channel: "testing", arch: "arm64" };
  const source = memorySource([
    [1, { kind: "other", image: other }],
    [2, { kind: "other", image: other }],
    [3, { kind: "problem", message: "mDNS eth0: no answer" }],
  ], { clock });
  const running = run(clock, { sources: [source], timeoutMs: 3000 });
  await clock.advance(2999);
  let over = false;
  running.then(() => over = true);
  await clock.advance(0);
  assert.equal(over, false);
  await clock.advance(1);
  const result = await running;
  assert.deepEqual(result.providers, []);
  assert.deepEqual(result.others, [other]);
  assert.deepEqual(result.problems, ["mDNS eth0: no answer"]);
});

Deno.test("discover() with all collects providers until time is up", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("a") }],
    [1500, { kind: "candidate", candidate: candidate("b") }],
    [9900, { kind: "candidate", candidate: candidate("late") }],
    [10_001, { kind: "candidate", candidate: candidate("too-late") }],
  ], { clock });
  const running = run(clock, { sources: [source], all: true });
  await clock.advance(10_000);
  assert.deepEqual(hosts(await running), ["a", "b", "late"]);
});

Deno.test("discover() does not wait for the timeout when every source has given up", async () => {
  const clock = new FakeClock();
  const source = memorySource(
    [[0, { kind: "problem", message: "no bootstrap node is known" }]],
    { clock, endsByItself: true },
  );
  const running = run(clock, { sources: [source] });
  await clock.advance(0);
  assert.deepEqual((await running).problems, ["no bootstrap node is known"]);
});

Deno.test("discover() waits for candidates at hand when every source has ended", async () => {
  const clock = new FakeClock();
  const source = memorySource(
    [[0, { kind: "candidate", candidate: candidate("a") }]],
    { clock, endsByItself: true },
  );
  const running = run(clock, {
    sources: [source],
    check: async (_, { signal }) => {
      await sleep(clock, 500, { signal });
      return ok(verified());
    },
  });
  await clock.advance(500);
  assert.deepEqual(hosts(await running), ["a"]);
});

Deno.test("discover() survives a source and a check that throw", async () => {
  const clock = new FakeClock();
  const broken = memorySource([], { clock, name: "dht" });
  // deno-lint-ignore require-yield -- it throws before it could
  broken.find = async function* () {
    await sleep(clock, 1, { signal });
    throw new Error("no route");
  };
  const source = memorySource([
    [2, { kind: "candidate", candidate: candidate("a") }],
  ], { clock });
  const running = run(clock, {
    sources: [broken, source],
    timeoutMs: 100,
    check: () => Promise.reject(new Error("bug")),
  });
  await clock.advance(100);
  const result = await running;
  assert.deepEqual(result.problems, ["dht: no route", "bug"]);
});

Deno.test("discover() tells its sources while a manifest is being checked, not while a provider waits for another try", async () => {
  const clock = new FakeClock();
  const { source, isChecking } = askedSource(
    memorySource([
      [10, { kind: "candidate", candidate: candidate("busy") }],
      [600, { kind: "candidate", candidate: candidate("good") }],
    ], { clock }),
  );
  const running = run(clock, {
    sources: [source],
    check: async ({ manifestUrl }, { signal }) => {
      await sleep(clock, 100, { signal });
      return manifestUrl.host === "good"
        ? ok(verified())
        : refuse({ code: "status", message: "answered 503" });
    },
  });
  const told: boolean[] = [];
  for (const stepMs of [5, 10, 100, 480, 10]) {
    await clock.advance(stepMs);
    told.push(isChecking());
  }
  assert.deepEqual(told, [false, true, false, false, true]);
  await clock.advance(100);
  assert.deepEqual(hosts(await running), ["good"]);
});

Deno.test("discover() passes DHT nodes on", async () => {
  const clock = new FakeClock();
  const peers: string[] = [];
  const source = memorySource([
    [1, { kind: "peer", multiaddr: "/ip4/192.0.2.1/tcp/1/p2p/x" }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    timeoutMs: 10,
    onPeer: (multiaddr) => peers.push(multiaddr),
  });
  await clock.advance(10);
  await running;
  assert.deepEqual(peers, ["/ip4/192.0.2.1/tcp/1/p2p/x"]);
});

Deno.test("discover() throws its caller's abort", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const source = memorySource([], { clock });
  const running = discover({
    image: IMAGE,
    timeoutMs: 1000,
    sources: [source],
    check: () => Promise.reject(new Error("unused")),
    all: false,
    clock,
  }, { signal: controller.signal });
  controller.abort(new Error("SIGINT"));
  await assert.rejects(running, /SIGINT/);
});

Deno.test("discover() throws at once what a person has to mend", async () => {
  const clock = new FakeClock();
  const broken = memorySource([], { clock });
  // deno-lint-ignore require-yield -- it throws before it could
  broken.find = async function* () {
    await sleep(clock, 1, { signal });
    throw new UserError("not permitted");
  };
  const other = memorySource([], { clock, name: "dht" });
  const running = run(clock, { sources: [broken, other] });
  const failing = assert.rejects(running, /not permitted/);
  await clock.advance(1);
  await failing;
  assert.ok(other.closed);
  assert.equal(clock.pending, 0);
});

Deno.test("discover() traces what its sources and it do, with the time", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const inner = memorySource([
    [5, {
      kind: "candidate",
      candidate: candidate("bad", { providerName: "rack7", peerId: "12D3" }),
    }],
    [1500, { kind: "candidate", candidate: candidate("good") }],
  ], { clock });
  const source: Source = {
    name: "mdns",
    find(image, options) {
      options.trace?.("mdns e0: asked");
      return inner.find(image, options);
    },
  };
  const running = run(clock, {
    sources: [source],
    trace: (line) => lines.push(line),
    check: ({ manifestUrl }) =>
      Promise.resolve(
        manifestUrl.host === "bad"
          ? refuse({ code: "expired", message: "too old" })
          : ok(verified()),
      ),
  });
  await clock.advance(2000);
  await running;
  const [bad, good] = ["bad", "good"].map((host) =>
    `http://${host}/stable/arm64/manifest.json`
  );
  assert.deepEqual(lines, [
    "0.000 s: mdns e0: asked",
    `0.005 s: mdns: heard of ${bad}, version 1, of a provider rack7 (12D3)`,
    `0.005 s: asking for ${bad}`,
    `0.005 s: not accepted ${bad}: too old (expired)`,
    `1.500 s: mdns: heard of ${good}, version 1, of a provider without a name`,
    `1.500 s: asking for ${good}`,
    `1.500 s: accepted ${good}, manifest_version 1`,
  ]);
});

Deno.test("discover() tells each second how far it is, until it is over", async () => {
  const clock = new FakeClock();
  const told: number[] = [];
  const source = memorySource([
    [1500, { kind: "problem", message: "asked" }],
    [2500, { kind: "candidate", candidate: candidate("a") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    onProgress: ({ problems }) => told.push(problems.length),
  });
  await clock.advance(5000);
  await running;
  assert.deepEqual(told, [0, 1]);
});
