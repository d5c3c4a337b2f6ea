import assert from "node:assert/strict";
import type { Clock } from "../../lib/core/clock.ts";
import { systemClock } from "../../lib/core/clock.ts";
import {
  type DoctorMachine,
  examine,
  type ProviderPlace,
} from "../../lib/doctor/examine.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import type { Link } from "../../lib/net/interfaces.ts";
import {
  addressOn,
  instanceAt,
  PROVIDER,
  statusOf,
} from "../support/doctor_observations.ts";
import { FakeClock } from "../support/fake_clock.ts";

const { signal } = new AbortController();

const HERE: ProviderPlace = {
  urls: ["http://127.0.0.1:8080", "http://10.77.0.1:8080"],
  isLocal: true,
  addresses: [],
};

/** A machine with e0 and docker0, where a provider answers at some URLs. */
function machineWith(
  {
    answersAt = HERE.urls,
    provider = PROVIDER,
    clock = systemClock,
    get,
  }: {
    readonly answersAt?: readonly string[];
    readonly provider?: typeof PROVIDER;
    readonly clock?: Clock;
    readonly get?: DoctorMachine["get"];
  } = {},
) {
  const asked: string[] = [];
  const askedLinks: Link[] = [];
  const fetched: string[] = [];
  const machine: DoctorMachine = {
    addresses: [
      addressOn("lo", "127.0.0.1"),
      addressOn("e0", "10.77.0.1"),
      addressOn("docker0", "172.17.0.1"),
    ],
    bareInterfaces: undefined,
    fetchStatus(url) {
      asked.push(url);
      return answersAt.includes(url)
        ? Promise.resolve(JSON.stringify(statusOf(provider)))
        : Promise.reject(new DOMException("time is up", "TimeoutError"));
    },
    fetchPeers: () => Promise.resolve("{}"),
    askDht: () => assert.fail("no DHT is there to be asked"),
    lookAtHost: undefined,
    get: get ?? ((url) => {
      fetched.push(url.href);
      return Promise.resolve(replyOf(new Response("{}")));
    }),
    askLink(link, { isEnough }) {
      askedLinks.push(link);
      const heard = [instanceAt("10.77.0.1")];
      assert.equal(isEnough([]), false);
      assert.equal(isEnough([instanceAt("10.77.0.8")]), false);
      assert.equal(isEnough(heard), true);
      return Promise.resolve({ link, isOwnCopyHeard: true, heard });
    },
    clock,
  };
  return { machine, asked, askedLinks, fetched };
}

Deno.test("examine() asks where the provider is, on its links, and at each address", async () => {
  const { machine, asked, askedLinks, fetched } = machineWith();
  const seen = await examine(HERE, machine, { signal });
  assert.deepEqual(asked, ["http://127.0.0.1:8080"]);
  assert.deepEqual(askedLinks.map((link) => link.interfaceName), ["e0"]);
  assert.deepEqual(fetched, [
    "http://10.77.0.1:8080/stable/arm64/manifest.json",
    "http://127.0.0.1:8080/stable/arm64/kernel",
  ]);
  assert.equal(seen.provider?.url, "http://127.0.0.1:8080");
  assert.deepEqual(
    seen.passedOver.map(({ interfaceName }) => interfaceName),
    ["docker0"],
  );
  assert.equal(seen.notLookedAt.length, 3);
});

Deno.test("examine() finds a provider that is bound to another address", async () => {
  const [first, second = ""] = HERE.urls;
  const { machine, asked } = machineWith({ answersAt: [second] });
  const seen = await examine(HERE, machine, { signal });
  assert.deepEqual(asked, [first, second]);
  assert.equal(seen.provider?.url, second);
});

Deno.test("examine() waits for a provider that is being started, and says so where it takes long", async () => {
  const { machine, asked, askedLinks } = machineWith();
  const clock = new FakeClock();
  const early = {
    ...PROVIDER,
    images: [],
    mdns: { interfaces: [], links: [] },
  };
  const examining = async (starts: number) => {
    asked.length = 0;
    const seen = examine(HERE, {
      ...machine,
      clock,
      fetchStatus(url) {
        asked.push(url);
        const provider = asked.length <= starts ? early : PROVIDER;
        return Promise.resolve(JSON.stringify(statusOf(provider)));
      },
    }, { signal });
    await clock.advance(10_000);
    return await seen;
  };
  const seen = await examining(3);
  assert.equal(asked.length, 4);
  assert.equal(seen.provider?.images.length, 1);
  assert.equal(askedLinks.length, 1);
  const { notLookedAt } = await examining(Infinity);
  assert.match(notLookedAt.join(), /it still reads its images: run this again/);
});

Deno.test("examine() listens for a provider that does not answer", async () => {
  const { machine, askedLinks } = machineWith({ answersAt: [] });
  const seen = await examine(HERE, machine, { signal });
  assert.equal(seen.provider, undefined);
  assert.deepEqual(seen.attempts.map(({ outcome }) => outcome.kind), [
    "silent",
    "silent",
  ]);
  assert.deepEqual(askedLinks.map((link) => link.interfaceName), ["e0"]);
});

Deno.test("examine() asks no link where mDNS is off, or where it is on none with the provider", async () => {
  const off = machineWith({ provider: { ...PROVIDER, mdns: null } });
  const seen = await examine(HERE, off.machine, { signal });
  assert.deepEqual(off.askedLinks, []);
  assert.match(seen.notLookedAt.join(), /mDNS, which the provider has off/);

  const place: ProviderPlace = {
    urls: ["http://192.0.2.1:8080"],
    isLocal: false,
    addresses: ["192.0.2.1"],
  };
  const links = [
    { interface: "e0", address: "192.0.2.1", state: "established" as const },
  ];
  const provider = { ...PROVIDER, mdns: { interfaces: [], links } };
  const away = machineWith({ provider, answersAt: place.urls });
  const from = await examine(place, away.machine, { signal });
  assert.deepEqual(away.askedLinks, []);
  assert.match(from.notLookedAt.join(), /on no link with 192\.0\.2\.1/);
});

Deno.test("examine() waits three seconds for a manifest", async () => {
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    setTimer(callback, delayMs) {
      delays.push(delayMs);
      queueMicrotask(callback);
      return () => {};
    },
  };
  const { machine } = machineWith({
    clock,
    get: (_, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      ),
  });
  const seen = await examine(HERE, machine, { signal });
  assert.deepEqual([...seen.probes.values()], [{ kind: "silent" }]);
  // And for its kernel's first bytes.
  assert.deepEqual(delays, [3000, 3000]);
});

Deno.test("examine() ends with its signal", async () => {
  const stop = new AbortController();
  const { machine } = machineWith();
  const reason = new Error("not wanted any more");
  await assert.rejects(
    examine(HERE, {
      ...machine,
      fetchStatus() {
        stop.abort(reason);
        return Promise.reject(new Error("broken off"));
      },
    }, { signal: stop.signal }),
    reason,
  );
});
