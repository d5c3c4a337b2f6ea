import { RequestTally } from "../../../../lib/net/dht/request_tally.ts";
import { multiaddr } from "@multiformats/multiaddr";
import assert from "node:assert/strict";
import { ok, refuse } from "../../../../lib/core/result.ts";
import { ProviderStore } from "../../../../lib/net/dht/internal/provider_store.ts";
import {
  answerFetch,
  answerRequest,
  type AnswerSources,
} from "../../../../lib/net/dht/internal/request_answers.ts";
import { ValueStore } from "../../../../lib/net/dht/internal/value_store.ts";
import {
  decodeAnswer,
  decodeFetchAnswer,
  encodeFetchRequest,
  encodeRecord,
  encodeRequest,
  KadCall,
  type KadRequest,
  keyMultihash,
  sha256,
  type WirePeer,
} from "../../../../lib/net/dht/message.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

const KEY = bytes("/phase/stable/arm64/manifest");
const MULTIHASH = keyMultihash(KEY);
const SELF = { multihash: bytes("self"), addresses: [address(1)] };

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function address(port: number, host = "192.0.2.7"): Uint8Array {
  return multiaddr(`/ip4/${host}/tcp/${port}`).bytes;
}

function open() {
  const clock = new FakeClock();
  const place = sha256(bytes("self"));
  const policy:
    & AnswerSources["policy"]
    & ConstructorParameters<
      typeof ValueStore
    >[0]["policy"] = {
      namespace: "phase",
      accept: (_key, value) =>
        Promise.resolve(
          new TextDecoder().decode(value) === "forged"
            ? refuse("forged")
            : ok(undefined),
        ),
      isBetter: (a, b) => (a[0] ?? 0) > (b[0] ?? 0),
      expiresMs: () => Infinity,
    };
  const sources: AnswerSources = {
    clock,
    tally: new RequestTally(),
    policy,
    values: new ValueStore({ policy, clock, place }),
    providers: new ProviderStore({ clock, ttlSeconds: 60, place }),
    ownEntry: () => undefined,
    closer: () => Promise.resolve([SELF]),
  };
  const ask = async (
    request: KadRequest,
    { host = "h", peer = "p", from = sources } = {},
  ) => {
    const asker = { origin: { host, peer }, multihash: bytes(peer) };
    const answer = await answerRequest(encodeRequest(request), asker, from);
    return answer.ok && answer.value
      ? { ...decodeAnswer(answer.value), length: answer.value.length }
      : answer;
  };
  const put = (value: string, key = KEY, of = key) =>
    ask({ call: KadCall.putValue, key, record: record(value, of) });
  return { clock, sources, ask, put };
}

function record(value: string, key = KEY): Uint8Array {
  return encodeRecord({
    key,
    value: bytes(value),
    ttlSeconds: 60,
    receivedAtMs: 0,
  });
}

Deno.test("answerRequest() keeps a value, and answers it with the nearest nodes", async () => {
  const { ask, put } = open();
  assert.ok((await put("a")).ok);
  const answer = await ask({ call: KadCall.getValue, key: KEY });
  assert.ok(answer.ok && answer.value && "closer" in answer.value);
  assert.deepEqual(answer.value.value, bytes("a"));
  assert.deepEqual(answer.value.closer, [SELF]);
});

Deno.test("answerRequest() refuses a value that is forged, older, of another key or namespace", async () => {
  const { put } = open();
  assert.ok((await put("b")).ok);
  const reasonOf = async (...how: Parameters<typeof put>) => {
    const answer = await put(...how);
    return answer.ok ? "kept" : answer.reason;
  };
  assert.equal(await reasonOf("a"), "a newer one is kept");
  assert.equal(await reasonOf("forged"), "forged");
  assert.equal(
    await reasonOf("c", KEY, bytes("/phase/x")),
    "no record of the key",
  );
  assert.equal(await reasonOf("c", bytes("/pk/x")), "key of another namespace");
  assert.equal(
    await reasonOf("c", bytes(`/phase/${"x".repeat(300)}`)),
    "no record of the key",
  );
});

Deno.test("answerRequest() keeps a provider that speaks for itself, eight of its addresses", async () => {
  const { ask } = open();
  const addresses = Array.from({ length: 16 }, (_, i) => address(4000 + i));
  const provide = (provider: WirePeer, peer = "p") =>
    ask({ call: KadCall.addProvider, key: MULTIHASH, provider }, { peer });
  assert.deepEqual(await provide({ multihash: bytes("p"), addresses }), {
    ok: true,
    value: undefined,
  });
  for (
    const provider of [
      { multihash: bytes("another"), addresses },
      { multihash: bytes("q"), addresses: [] },
      { multihash: bytes("q"), addresses: [bytes("garbage")] },
    ]
  ) assert.equal((await provide(provider, "q")).ok, false);
  const answer = await ask({ call: KadCall.getProviders, key: MULTIHASH });
  assert.ok(answer.ok && answer.value && "providers" in answer.value);
  assert.deepEqual(answer.value.providers, [
    { multihash: bytes("p"), addresses: addresses.slice(0, 8) },
  ]);
});

Deno.test("answerRequest() answers with 16 KiB at most, the own entry and each host among the first", async () => {
  const { ask, sources } = open();
  const closer = Array.from({ length: 21 }, (_, i) => ({
    multihash: bytes(`near${i}`),
    addresses: Array.from(
      { length: 16 },
      (_, port) =>
        multiaddr(`/dns4/${"x".repeat(60)}.example/tcp/${port + 1}`).bytes,
    ),
  }));
  for (let i = 0; i < 500; i++) {
    const peer = `peer-with-a-long-name-${i}`;
    const addresses = Array.from(
      { length: 8 },
      (_, p) => address(p + 1, "10.0.0.1"),
    );
    const provider = { multihash: bytes(peer), addresses };
    await ask({ call: KadCall.addProvider, key: MULTIHASH, provider }, {
      peer,
      host: `h${i % 100}`,
    });
  }
  const own = {
    ...sources,
    ownEntry: () => SELF,
    closer: () => Promise.resolve(closer),
  };
  const answer = await ask({ call: KadCall.getProviders, key: MULTIHASH }, {
    from: own,
  });
  assert.ok("length" in answer && answer.length <= 16_384);
  assert.ok(answer.ok && answer.value && "providers" in answer.value);
  assert.deepEqual(answer.value.providers[0], SELF);
  assert.ok(answer.value.providers.length > 60);
  assert.ok(answer.value.closer.length > 5);
});

Deno.test("answerRequest() refuses what is no request, and never throws", async () => {
  const { sources } = open();
  const asker = { origin: { host: "h", peer: "p" }, multihash: bytes("p") };
  const requests = [
    new Uint8Array(),
    bytes("garbage"),
    encodeRequest({ call: KadCall.findNode, key: new Uint8Array() }),
    Uint8Array.of(8, 77, 18, 1, 1),
    // 5,000 fields
    new Uint8Array(10_000).map((_, i) => i % 2 === 0 ? 8 : 0),
  ];
  for (const request of requests) {
    assert.equal((await answerRequest(request, asker, sources)).ok, false);
  }
  for (let i = 0; i < 2000; i++) {
    const request = crypto.getRandomValues(new Uint8Array(i % 50));
    await answerRequest(request, asker, sources);
  }
});

Deno.test("answerRequest() tells what time it has, which go and js do not", async () => {
  const { ask, clock } = open();
  const answer = await ask({ call: KadCall.ping, key: KEY });
  assert.ok(answer.ok && answer.value && "closer" in answer.value);
  assert.equal(answer.value.receivedAtMs, clock.now());
  assert.equal(answer.value.value?.length, 0);
  const echo = decodeAnswer(encodeRequest({ call: KadCall.ping, key: KEY }));
  assert.ok(echo.ok && echo.value.receivedAtMs === undefined);
});

Deno.test("answerFetch() reads what a key stands for, by the connection that it is asked over", async () => {
  const ends = { localAddress: "::1", remoteAddress: "::2" };
  const store = {
    read: (key: Uint8Array, by?: typeof ends) =>
      Promise.resolve(
        key.length > 3 ? undefined : bytes(`${by?.localAddress}`),
      ),
  };
  const read = async (key: string) => {
    const request = encodeFetchRequest(bytes(key));
    const answer = await answerFetch(request, ends, store);
    assert.ok(answer.ok);
    return decodeFetchAnswer(answer.value);
  };
  assert.deepEqual(await read("key"), { ok: true, value: bytes("::1") });
  assert.deepEqual(await read("other"), {
    ok: false,
    reason: "it no longer provides it",
  });
  const malformed = await answerFetch(bytes("\xff\xff"), ends, store);
  assert.deepEqual(malformed, { ok: false, reason: "malformed request" });
  const empty = await answerFetch(new Uint8Array(), ends, store);
  assert.ok(!empty.ok);
});

Deno.test("in the public DHT no value is kept, and of a provider its public addresses", async () => {
  const { sources, ask } = open();
  const from = { ...sources, isAmino: true };
  const put = await ask(
    { call: KadCall.putValue, key: KEY, record: record("good") },
    { from },
  );
  assert.deepEqual(put, {
    ok: false,
    reason: "values of the public DHT are not kept here",
  });
  const told = (...addresses: Uint8Array[]) =>
    ask({
      call: KadCall.addProvider,
      key: MULTIHASH,
      provider: { multihash: bytes("p"), addresses },
    }, { from });
  assert.deepEqual(await told(address(4001, "10.0.0.9")), {
    ok: false,
    reason: "no address that can be dialled",
  });
  await told(address(4001, "10.0.0.9"), address(4001, "1.2.3.4"));
  const [kept] = sources.providers.of(MULTIHASH);
  assert.deepEqual(kept?.addresses, [address(4001, "1.2.3.4")]);
});
