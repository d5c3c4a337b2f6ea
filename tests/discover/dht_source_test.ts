import assert from "node:assert/strict";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { ok, refuse } from "../../lib/core/result.ts";
import {
  createDhtSource,
  type DhtSourceOptions,
} from "../../lib/discover/dht_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import type { DhtClient } from "../../lib/net/dht/client.ts";
import { createIdentity, type Identity } from "../../lib/net/dht/identity.ts";
import type { Contact, LookupStep } from "../../lib/net/dht/lookup.ts";
import {
  type BootRecord,
  bootRecordKey,
  signBootRecord,
} from "../../lib/wire/boot_record.ts";
import { FakeClock } from "../support/fake_clock.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const BOOTSTRAP = "/ip4/192.0.2.7/tcp/4001";
const [alice, bob] = [await createIdentity(), await createIdentity()];

/** A DHT in which every node that can be reached knows everything. */
class FakeDht {
  readonly reachable = new Set<string>();
  readonly values = new Map<string, Uint8Array[]>();
  /** By key: who provides it, and what he answers when asked. */
  readonly providers = new Map<string, Map<string, Uint8Array>>();
  lookups = 0;
  openClients = 0;

  readonly openClient: NonNullable<DhtSourceOptions["openClient"]> = () => {
    this.openClients++;
    return Promise.resolve(
      {
        findValues: (key, seeds) => this.#steps(seeds, key, "values"),
        findProviders: (key, seeds) => this.#steps(seeds, key, "providers"),
        fetch: (from, key) => {
          const value = this.providers.get(key)?.get(from.id);
          return Promise.resolve(
            value ? ok(value) : refuse("no answer in time"),
          );
        },
        [Symbol.asyncDispose]: () => {
          this.openClients--;
          return Promise.resolve();
        },
      } satisfies DhtClient,
    );
  };

  async *#steps(
    seeds: readonly Contact[],
    key: string,
    what: "values" | "providers",
  ): AsyncGenerator<LookupStep> {
    this.lookups++;
    const from = (id: string) => ({
      id,
      multihash: new TextEncoder().encode(id),
      addresses: [],
    });
    for (const seed of seeds) {
      const at = typeof seed === "string" ? seed : seed.id;
      await Promise.resolve();
      if (!this.reachable.has(at)) {
        yield { kind: "failure", at, reason: "connection refused" };
        continue;
      }
      const values = what === "values" ? this.values.get(key) ?? [] : [];
      const providers = what === "values"
        ? []
        : [...this.providers.get(key)?.keys() ?? []].map(from);
      // One node per value: each keeps one.
      for (const [i, value] of [undefined, ...values].entries()) {
        yield {
          kind: "answer",
          distance: new Uint8Array(32),
          answer: {
            from: from(`${at}#${i}`),
            closer: [],
            providers,
            ...(value ? { value } : {}),
          },
        };
      }
    }
  }
}

async function record(
  identity: Identity,
  clock: FakeClock,
  overrides: Partial<BootRecord> = {},
  image: ChannelArch = IMAGE,
): Promise<Uint8Array> {
  return await signBootRecord(image, {
    url: `http://${identity.peerId}/manifest.json`,
    peerId: identity.peerId,
    lastUpdatedMs: clock.now(),
    version: "1",
    ttlSeconds: 3600,
    ...overrides,
  }, identity.sign);
}

/** Runs a source for a time of the fake clock and collects what it finds. */
async function findFor(
  durationMs: number,
  dht: FakeDht,
  clock: FakeClock,
  options: Partial<DhtSourceOptions> & { late?: string } = {},
): Promise<Finding[]> {
  const source = createDhtSource({
    bootstrap: [BOOTSTRAP],
    clock,
    isClockTrusted: true,
    openClient: dht.openClient,
    ...options,
  });
  const controller = new AbortController();
  const { signal } = controller;
  const found = Array.fromAsync(source.find(IMAGE, { signal }));
  for (let elapsed = 0; elapsed < durationMs; elapsed += 100) {
    await clock.advance(100);
    if (elapsed >= 1500 && options.late) source.addPeer(options.late);
  }
  controller.abort();
  const findings = await found;
  assert.equal(dht.openClients, 0, "the client is closed");
  assert.equal(clock.pending, 0, "no timer is left");
  return findings;
}

function messages(findings: readonly Finding[]): string[] {
  return findings.flatMap((f) => f.kind === "problem" ? [f.message] : []);
}

function urls(findings: readonly Finding[]): string[] {
  return findings.flatMap((f) =>
    f.kind === "candidate" ? [f.candidate.manifestUrl.href] : []
  );
}

function network(): { dht: FakeDht; clock: FakeClock } {
  const dht = new FakeDht();
  dht.reachable.add(BOOTSTRAP);
  return { dht, clock: new FakeClock() };
}

Deno.test("find() yields what a value record says", async () => {
  const { dht, clock } = network();
  const value = await record(alice, clock, {
    url: "http://192.0.2.8/stable/arm64/manifest.json",
    providerName: "rack\u001b[31m 7",
    version: "2026.11.22",
  });
  dht.values.set(bootRecordKey(IMAGE), [value]);
  const findings = await findFor(500, dht, clock);
  assert.deepEqual(findings, [{
    kind: "candidate",
    candidate: {
      manifestUrl: new URL("http://192.0.2.8/stable/arm64/manifest.json"),
      image: IMAGE,
      version: "2026.11.22",
      source: "dht",
      providerName: "rack?[31m 7",
      peerId: alice.peerId,
    },
  }]);
});

Deno.test("find() yields every provider that answers, besides the value's", async () => {
  const { dht, clock } = network();
  const key = bootRecordKey(IMAGE);
  dht.values.set(key, [await record(alice, clock)]);
  dht.providers.set(
    key,
    new Map([
      [alice.peerId, await record(alice, clock)],
      [bob.peerId, await record(bob, clock)],
    ]),
  );
  assert.deepEqual(
    urls(await findFor(500, dht, clock)).toSorted(),
    [
      `http://${alice.peerId.toLowerCase()}/manifest.json`,
      `http://${bob.peerId.toLowerCase()}/manifest.json`,
    ].toSorted(),
  );
});

Deno.test("find() refuses a provider that hands out another's record", async () => {
  const { dht, clock } = network();
  const key = bootRecordKey(IMAGE);
  const stolen = await record(alice, clock);
  dht.providers.set(key, new Map([[bob.peerId, stolen]]));
  const findings = await findFor(500, dht, clock);
  assert.deepEqual(urls(findings), []);
  assert.match(messages(findings).join(), /record is of another peer \(1\)/);
});

Deno.test("find() counts refused records by their reasons", async () => {
  const { dht, clock } = network();
  const garbage = new TextEncoder().encode("garbage");
  const expired = await record(alice, clock, { lastUpdatedMs: 0 });
  const elsewhere = await record(alice, clock, {}, {
    channel: "testing",
    arch: "arm64",
  });
  dht.values.set(bootRecordKey(IMAGE), [garbage, garbage, expired, elsewhere]);
  assert.deepEqual(messages(await findFor(500, dht, clock)), [
    "Asked 5 DHT nodes, none knows a provider of stable/arm64",
    "DHT records of stable/arm64 refused: record is not a JSON object (2), record has expired (1), signature is not by peer_id (1)",
  ]);
});

Deno.test("find() never goes back to a provider's older record", async () => {
  const { dht, clock } = network();
  const older = await record(alice, clock, {
    lastUpdatedMs: clock.now() - 1000,
    url: "http://old/",
  });
  const newer = await record(alice, clock, { url: "http://new/" });
  dht.values.set(bootRecordKey(IMAGE), [newer, older, newer]);
  assert.deepEqual(urls(await findFor(2500, dht, clock)), ["http://new/"]);
});

Deno.test("find() does not look at dates when the clock cannot be right", async () => {
  const { dht } = network();
  const clock = new FakeClock("1970-01-01T00:00:30Z");
  const value = await record(alice, new FakeClock());
  dht.values.set(bootRecordKey(IMAGE), [value]);
  assert.equal(urls(await findFor(500, dht, clock)).length, 0);
  const options = { isClockTrusted: false };
  assert.equal(urls(await findFor(500, dht, clock, options)).length, 1);
});

Deno.test("find() says which other images exist, once", async () => {
  const { dht, clock } = network();
  const other = { channel: "testing", arch: "x86_64" };
  dht.values.set(bootRecordKey(other), [
    await record(alice, clock, {}, other),
  ]);
  const findings = await findFor(5000, dht, clock);
  assert.deepEqual(findings.filter((f) => f.kind === "other"), [
    { kind: "other", image: other },
  ]);
  assert.deepEqual(messages(findings), [
    "Asked 1 DHT node, none knows a provider of stable/arm64",
  ]);
});

Deno.test("find() asks again every second until somebody answers", async () => {
  const { dht, clock } = network();
  dht.reachable.clear();
  clock.setTimer(() => dht.reachable.add(BOOTSTRAP), 3200);
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const findings = await findFor(5000, dht, clock);
  assert.equal(urls(findings).length, 1);
  assert.deepEqual(messages(findings), [
    `DHT node ${BOOTSTRAP} cannot be asked: connection refused`,
  ]);
});

Deno.test("find() says that it knows nobody to ask, and waits for one", async () => {
  const { dht, clock } = network();
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const findings = await findFor(3000, dht, clock, {
    bootstrap: [],
    late: BOOTSTRAP,
  });
  assert.equal(urls(findings).length, 1);
  assert.match(messages(findings).join(), /^No DHT node known to ask/);
});

Deno.test("find() asks a node that comes to be known at once", async () => {
  const { dht, clock } = network();
  const late = "/ip4/192.0.2.9/tcp/4001";
  dht.reachable.clear();
  dht.reachable.add(late);
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const findings = await findFor(1700, dht, clock, { late });
  assert.equal(urls(findings).length, 1);
});

Deno.test("find() reports an address that cannot be one", async () => {
  const { dht, clock } = network();
  const findings = await findFor(500, dht, clock, {
    bootstrap: ["garbage\n", BOOTSTRAP],
  });
  assert.match(
    messages(findings)[0] ?? "",
    /^DHT node "garbage\?" cannot be asked: not a multiaddr/,
  );
});

Deno.test("find() reports that no client can be opened", async () => {
  const { dht, clock } = network();
  const openClient = () => Promise.reject(new Error("no network"));
  assert.deepEqual(await findFor(500, dht, clock, { openClient }), [
    { kind: "problem", message: "The DHT cannot be asked: no network" },
  ]);
});

Deno.test("find() ends at once with an aborted signal", async () => {
  const { dht, clock } = network();
  for (const bootstrap of [[], [BOOTSTRAP]]) {
    const source = createDhtSource({
      bootstrap,
      clock,
      isClockTrusted: true,
      openClient: dht.openClient,
    });
    const signal = AbortSignal.abort();
    assert.deepEqual(
      await Array.fromAsync(source.find(IMAGE, { signal })),
      [],
    );
  }
  assert.equal(dht.lookups, 0);
});

Deno.test("find() closes its client when its reader stops", async () => {
  const { dht, clock } = network();
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const source = createDhtSource({
    bootstrap: [BOOTSTRAP],
    clock,
    isClockTrusted: true,
    openClient: dht.openClient,
  });
  const { signal } = new AbortController();
  for await (const _ of source.find(IMAGE, { signal })) break;
  assert.equal(dht.openClients, 0);
  assert.equal(clock.pending, 0);
});
