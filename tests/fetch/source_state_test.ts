import assert from "node:assert/strict";
import {
  sourcesOf,
  type SourceState,
  statesOf,
  troublesOf,
} from "../../lib/fetch/source_state.ts";

const manifestUrl = new URL("http://a.example/stable/arm64/manifest.json");

function source(): SourceState {
  const [state] = statesOf([{ name: "a", manifestUrl }])();
  assert.ok(state !== undefined);
  return state;
}

Deno.test("SourceState waits ever longer, up to ten seconds, and then gives up", () => {
  const state = source();
  const waits = (random: number) =>
    Array.from({ length: 12 }, () => state.failed("refused", { random }));
  const longest = waits(1);
  assert.deepEqual(longest.slice(0, 4), [250, 500, 1000, 2000]);
  assert.deepEqual(longest.slice(-3), [10_000, 10_000, undefined]);
  state.succeeded();
  assert.deepEqual(waits(0).slice(0, 2), [125, 250]);
});

Deno.test("SourceState waits as long as it is asked to, for a quarter of an hour", () => {
  const state = source();
  const ask = (askedMs: number) => state.failed("busy", { askedMs, random: 1 });
  for (let i = 0; i < 60; i++) assert.equal(ask(10_000), 10_000);
  assert.equal(ask(0), 250);
  assert.equal(ask(300_000), 300_000);
  assert.equal(ask(1), undefined);
  state.succeeded();
  assert.equal(ask(800_000), 300_000);
  assert.equal(ask(800_000), undefined);
});

Deno.test("SourceState measures how fast it sends, lately", () => {
  const state = source();
  assert.equal(state.rate, 0);
  state.begin(1000);
  state.received(100, 1010);
  assert.equal(state.rate, 0);
  state.received(900, 1100);
  assert.equal(state.rate, 10);
  for (let ms = 1200; ms < 5000; ms += 100) state.received(5000, ms);
  assert.ok(Math.abs(state.rate - 50) < 1, `${state.rate}`);
  // What it does while nobody asks it counts for nothing.
  state.begin(60_000);
  state.received(5000, 60_100);
  assert.ok(Math.abs(state.rate - 50) < 1, `${state.rate}`);
});

Deno.test("statesOf() a list that grows keeps what is known", () => {
  const sources = [{ name: "a", manifestUrl }];
  const states = statesOf(sources);
  states()[0]?.refused("00", "answered 404");
  sources.push({ name: "b", manifestUrl });
  const [a, b] = states();
  assert.deepEqual([a?.lacks("00"), b?.lacks("00"), b?.number], [
    true,
    false,
    1,
  ]);
  assert.deepEqual(troublesOf(states()), ["a: answered 404"]);
});

Deno.test("sourcesOf() are the providers of the same content, wherever they are", () => {
  const at = (host: string, contentSha256: string) => ({
    candidate: { manifestUrl: new URL(manifestUrl.pathname, `http://${host}`) },
    contentSha256,
  });
  const others = [at("a:1", "aa"), at("a:2", "bb"), at("[fe80::1]:3", "aa")];
  assert.deepEqual(
    sourcesOf("aa", others).map(({ name, manifestUrl }) => [
      name,
      manifestUrl.href,
    ]),
    [
      ["a:1", "http://a:1/stable/arm64/manifest.json"],
      ["[fe80::1]:3", "http://[fe80::1]:3/stable/arm64/manifest.json"],
    ],
  );
});
