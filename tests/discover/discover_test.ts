import assert from "node:assert/strict";
import { sleep } from "../../lib/core/clock.ts";
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

Deno.test("discover() prefers the newest of those that come within 5 ms, however quick the first is", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("v9") }],
    [3, { kind: "candidate", candidate: candidate("v10") }],
    [5, { kind: "candidate", candidate: candidate("v8") }],
    [7, { kind: "candidate", candidate: candidate("v11") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    check: ({ manifestUrl: { hostname } }) =>
      Promise.resolve(
        ok(verified({ manifestVersion: Number(hostname.slice(1)) })),
      ),
  });
  await clock.advance(6);
  const result = await running;
  assert.deepEqual(
    result.providers.map((provider) => provider.manifest.manifestVersion),
    [10, 9, 8],
  );
  await result[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("discover() waits for nobody once the first check has taken longer than that", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("a") }],
    [9, { kind: "candidate", candidate: candidate("b") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    check: async (_, { signal }) => {
      await sleep(clock, 7, { signal });
      return ok(verified());
    },
  });
  await clock.advance(8);
  assert.deepEqual(hosts(await running), ["a"]);
});

Deno.test("discover() does not take who is no longer trusted at the end", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("thief") }],
    [1, { kind: "candidate", candidate: candidate("owner") }],
  ], { clock });
  const checks = new Map([
    ["thief", verified({ manifestVersion: 9, verifiedBy: ["stolen"] })],
    ["owner", verified({ manifestVersion: 1, verifiedBy: ["new"] })],
  ]);
  const running = run(clock, {
    sources: [source],
    check: ({ manifestUrl }) =>
      Promise.resolve(ok(checks.get(manifestUrl.host) ?? verified())),
    stillTrusts: ({ verifiedBy }) => verifiedBy.includes("new"),
    all: true,
  });
  await clock.advance(10_000);
  const result = await running;
  assert.deepEqual(hosts(result), ["owner"]);
  assert.deepEqual(
    result.refused.map((r) => [r.manifestUrl.host, r.refusal.code]),
    [["thief", "unknown_key"]],
  );
});

Deno.test("discover() goes on when the only one it took is no longer trusted", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("drip") }],
    [2, { kind: "candidate", candidate: candidate("thief") }],
    [1000, { kind: "candidate", candidate: candidate("owner") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    async check({ manifestUrl: { host } }, { signal }) {
      if (host === "drip") await sleep(clock, 5000, { signal });
      return ok(verified({ verifiedBy: [host] }));
    },
    stillTrusts: ({ verifiedBy }) =>
      clock.monotonic() < 100 || !verifiedBy.includes("thief"),
  });
  await clock.advance(1250);
  const result = await running;
  assert.deepEqual(hosts(result), ["owner"]);
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

Deno.test("discover() does not ask again who answered something that is refused", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("forger") }],
  ], { clock });
  let checks = 0;
  const running = run(clock, {
    sources: [source],
    check: () => {
      checks++;
      return Promise.resolve(
        refuse({ code: "bad_signature", message: "forged" }),
      );
    },
  });
  await clock.advance(10_000);
  const result = await running;
  assert.equal(checks, 1);
  assert.deepEqual(result.refused.map((r) => r.refusal.code), [
    "bad_signature",
  ]);
});

Deno.test("discover() prefers the newest of the images that are checked at the same time", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("old") }],
    [1, { kind: "candidate", candidate: candidate("new") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    check: async ({ manifestUrl }, { signal }) => {
      const isNew = manifestUrl.host === "new";
      await sleep(clock, isNew ? 200 : 1, { signal });
      return ok(verified({ manifestVersion: isNew ? 2 : 1 }));
    },
  });
  await clock.advance(201);
  assert.deepEqual(hosts(await running), ["new", "old"]);
});

Deno.test("discover() prefers a verified image to a newer one that is not", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("newer") }],
    [1, { kind: "candidate", candidate: candidate("verified") }],
  ], { clock });
  const running = run(clock, {
    sources: [source],
    all: true,
    check: ({ manifestUrl }) =>
      Promise.resolve(ok(
        manifestUrl.host === "newer"
          ? verified({ manifestVersion: 9 })
          : verified({ verifiedBy: ["k"] }),
      )),
  });
  await clock.advance(2001);
  assert.deepEqual(hosts(await running), ["verified", "newer"]);
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

Deno.test("discover() tells at the timeout who was found and had not answered", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("silent") }],
    [2, { kind: "candidate", candidate: candidate("busy") }],
  ], { clock });
  let busyChecks = 0;
  const running = run(clock, {
    sources: [source],
    timeoutMs: 2000,
    check: async ({ manifestUrl: { host } }, { signal }) => {
      if (host === "busy" && ++busyChecks === 1) {
        return refuse({ code: "status", message: "answered 503" });
      }
      await sleep(clock, 60_000, { signal });
      return ok(verified());
    },
  });
  await clock.advance(2000);
  const { providers, refused } = await running;
  assert.deepEqual(providers, []);
  assert.deepEqual(
    refused.map((r) => [r.manifestUrl.host, r.refusal.code]),
    [["busy", "status"], ["silent", "slow"]],
  );
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

Deno.test("discover() checks each URL once, however often it is found", async () => {
  const clock = new FakeClock();
  const finding = { kind: "candidate", candidate: candidate("a") } as const;
  const sources = [
    memorySource([[1, finding], [2, finding]], { clock }),
    memorySource([[1, finding]], { clock, name: "dht" }),
  ];
  let checks = 0;
  const running = run(clock, {
    sources,
    timeoutMs: 100,
    check: () => {
      checks++;
      return Promise.resolve(refuse({ code: "status", message: "404" }));
    },
  });
  await clock.advance(100);
  await running;
  assert.equal(checks, 1);
});

Deno.test("discover() ignores candidates for another image", async () => {
  const clock = new FakeClock();
  const wrong = candidate("a", {
    image: { channel: "testing", arch: "arm64" },
  });
  const source = memorySource([[1, { kind: "candidate", candidate: wrong }]], {
    clock,
  });
  const running = run(clock, { sources: [source], timeoutMs: 100 });
  await clock.advance(100);
  assert.deepEqual((await running).providers, []);
});

Deno.test("discover() with all collects providers until none has come for 2 s", async () => {
  const clock = new FakeClock();
  const source = memorySource([
    [1, { kind: "candidate", candidate: candidate("a") }],
    [1500, { kind: "candidate", candidate: candidate("b") }],
    [3600, { kind: "candidate", candidate: candidate("late") }],
  ], { clock });
  const running = run(clock, { sources: [source], all: true });
  await clock.advance(3500);
  assert.deepEqual(hosts(await running), ["a", "b"]);
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

Deno.test("discover() leaves its sources no gap between a good manifest and the result, but with all", async () => {
  for (const all of [false, true]) {
    const clock = new FakeClock();
    const { source, isChecking } = askedSource(
      memorySource([
        [1, { kind: "candidate", candidate: candidate("a") }],
      ], { clock }),
    );
    const running = run(clock, { sources: [source], all });
    await clock.advance(3);
    // The check is done, and others are waited for.
    assert.equal(isChecking(), !all);
    await clock.advance(3000);
    assert.deepEqual(hosts(await running), ["a"]);
  }
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

Deno.test("discover() checks a bounded number of candidates", async () => {
  const clock = new FakeClock();
  const flood = Array.from({ length: 300 }, (_, i) =>
    [
      1,
      { kind: "candidate", candidate: candidate(`h${i}`) },
    ] as const);
  let checks = 0;
  const running = run(clock, {
    sources: [memorySource(flood, { clock })],
    timeoutMs: 100,
    check: () => {
      checks++;
      return Promise.resolve(refuse({ code: "status", message: "404" }));
    },
  });
  await clock.advance(100);
  assert.match((await running).problems.join(), /more than 256 candidates/);
  assert.equal(checks, 256);
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
