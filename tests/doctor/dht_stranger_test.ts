import assert from "node:assert/strict";
import { askDhtAsStranger } from "../../lib/doctor/dht_stranger.ts";
import type { DhtSource } from "../../lib/discover/dht_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { imageOf } from "../support/sample_images.ts";

const { signal } = new AbortController();
const image = imageOf("stable/arm64");
const QUESTION = { image, peerId: "12D3Provider", nodes: ["/ip4/10.77.0.2"] };
const URL_OF_IT = "http://10.77.0.1:8080/stable/arm64/manifest.json";

function candidateOf(peerId: string): Finding {
  return {
    kind: "candidate",
    candidate: {
      manifestUrl: new URL(URL_OF_IT),
      ...{ image, version: "1", source: "dht", peerId },
    },
  };
}

/** Looks up what a source finds that goes on until it is ended. */
async function lookUp(...findings: Finding[]) {
  const clock = new FakeClock();
  let isOver = false;
  const source: DhtSource = {
    name: "dht",
    addPeer() {},
    async *find(_image, { signal }) {
      try {
        yield* findings;
        const ended = new Promise((resolve) =>
          signal.addEventListener("abort", resolve)
        );
        await clock.advance(10_000);
        await ended;
      } finally {
        isOver = true;
      }
    },
  };
  const asked: (readonly string[])[] = [];
  const open = (nodes: readonly string[]) => {
    asked.push(nodes);
    return Promise.resolve(source);
  };
  const view = await askDhtAsStranger(QUESTION, { clock, open, signal });
  assert.ok(isOver);
  assert.deepEqual(asked, [QUESTION.nodes]);
  assert.equal(clock.pending, 0);
  return { ...view, tookMs: clock.monotonic() };
}

Deno.test("askDhtAsStranger() takes the provider in question, and nobody else", async () => {
  const view = await lookUp(
    candidateOf("12D3Other"),
    candidateOf("12D3Provider"),
  );
  assert.equal(view.url, URL_OF_IT);
  const other = await lookUp(candidateOf("12D3Other"));
  assert.deepEqual([other.url, other.hasAnswer], [undefined, true]);
});

Deno.test("askDhtAsStranger() tells nodes that know nothing from none that answers", async () => {
  const dead = { kind: "problem", message: "cannot be asked" } as const;
  // There is no other node to wait for.
  assert.deepEqual(await lookUp(dead), {
    ...{ nodes: QUESTION.nodes, hasAnswer: false, url: undefined },
    ...{ problems: ["cannot be asked"], tookMs: 0 },
  });
  const asked = { ...dead, message: "Asked 2 DHT nodes", topic: "asked" };
  assert.equal((await lookUp(asked)).hasAnswer, true);
});
