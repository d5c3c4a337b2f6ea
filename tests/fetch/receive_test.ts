import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { HttpGet } from "../../lib/net/http1/reply.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import {
  copyHashed,
  discard,
  receive,
  twoBuffers,
} from "../../lib/fetch/receive.ts";
import { statesOf } from "../../lib/fetch/source_state.ts";
import { sha256Hex } from "../support/blob_server.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { seededBytes } from "../support/fetch_lab.ts";

const { signal } = new AbortController();
const blob = { sha256: "00".repeat(32), sizeBytes: 4, urls: [] };
const manifestUrl = new URL("http://a.example/stable/arm64/manifest.json");

function receiveWith(httpGet: HttpGet, clock: FakeClock) {
  const [source] = statesOf([{ name: "a", manifestUrl }])();
  assert.ok(source !== undefined);
  const got: number[] = [];
  const received = receive(source, blob, { fromBytes: 0, toBytes: 4 }, {
    receiving: { clock, httpGet, onReceived: (bytes) => got.push(bytes) },
    signal,
    take: async ({ read }) => {
      const buffer = new Uint8Array(4);
      while (await read(buffer) !== null);
    },
  });
  return { received, got };
}

/** A body that comes part by part, and the end of it when it is asked for. */
function bodyOf(signal: AbortSignal, parts: readonly number[]): Response {
  const left = [...parts];
  return new Response(
    new ReadableStream({
      pull(controller) {
        const next = left.shift();
        if (next !== undefined) controller.enqueue(new Uint8Array(next));
        // Silent for ever.
        return new Promise((_, reject) => {
          if (next !== undefined) return _(undefined);
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    }, { highWaterMark: 0 }),
  );
}

Deno.test("receive() gives a source up that sends nothing for fifteen seconds", async () => {
  const silent: HttpGet = (_, { signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  const falling: HttpGet = (_, { signal }) =>
    Promise.resolve(replyOf(bodyOf(signal, [1, 1])));
  for (const httpGet of [silent, falling]) {
    const clock = new FakeClock();
    const { received } = receiveWith(httpGet, clock);
    let isOver = false;
    received.finally(() => isOver = true);
    await clock.advance(14_000);
    assert.ok(!isOver);
    await clock.advance(2000);
    assert.deepEqual(await received, {
      ok: false,
      reason: { kind: "later", reason: "nothing came for 15 s" },
    });
    assert.equal(clock.pending, 0);
  }
});

Deno.test("receive() is patient with a source that goes on, however slowly", async () => {
  const clock = new FakeClock();
  const steps: (() => void)[] = [];
  const httpGet: HttpGet = () =>
    Promise.resolve(replyOf(
      new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise<void>((resolve) => steps.push(resolve));
            controller.enqueue(new Uint8Array(1));
            if (steps.length === 4) controller.close();
          },
        }, { highWaterMark: 0 }),
      ),
    ));
  const { received, got } = receiveWith(httpGet, clock);
  for (let i = 0; i < 4; i++) {
    await clock.advance(12_000);
    steps[i]?.();
  }
  assert.ok((await received).ok);
  assert.deepEqual(got, [1, 1, 1, 1]);
});

Deno.test("copyHashed() writes what comes, and digests it meanwhile", async () => {
  const bytes = seededBytes(2_000_001);
  let at = 0;
  const read = (buffer: Uint8Array) => {
    const part = bytes.subarray(at, at + Math.min(buffer.length, 70_001));
    buffer.set(part);
    at += part.length;
    return Promise.resolve(part.length || null);
  };
  assert.ok(await discard({ read }, 100_000));
  const written = new Uint8Array(bytes.length);
  const file = {
    async writeAt(part: Uint8Array, offsetBytes: number) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      written.set(part, offsetBytes);
    },
  };
  const hash = createHash("sha256");
  let told = 0;
  const count = await copyHashed({ read }, file, hash, {
    fromBytes: 100_000,
    lengthBytes: 1_900_000,
    buffers: twoBuffers(),
    onBytes: (count) => told += count,
  });
  assert.deepEqual([count, told], [1_900_000, 1_900_000]);
  const copied = bytes.subarray(100_000, 2_000_000);
  assert.equal(hash.digest("hex"), sha256Hex(copied));
  assert.equal(
    sha256Hex(written.subarray(100_000, 2_000_000)),
    sha256Hex(copied),
  );
  assert.ok(!await discard({ read }, 2));
});

Deno.test("copyHashed() fails as the disk does, also where the source fails as well", async () => {
  const full = Object.assign(new Error("full"), { code: "ENOSPC" });
  for (const ending of ["more", "broken"]) {
    let reads = 0;
    const read = () => {
      if (ending === "broken" && ++reads > 1) throw new Error("broken off");
      return Promise.resolve(10);
    };
    const copying = copyHashed(
      { read },
      { writeAt: () => Promise.reject(full) },
      createHash("sha256"),
      {
        fromBytes: 0,
        lengthBytes: 100,
        buffers: twoBuffers(),
        onBytes() {},
      },
    );
    await assert.rejects(copying, full);
  }
});
