import assert from "node:assert/strict";
import {
  isRefusedManifest,
  mayPass,
} from "../../lib/discover/candidate_refusal.ts";
import { sleep } from "../../lib/core/clock.ts";
import { fetchManifest } from "../../lib/discover/fetch_manifest.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import { FakeClock } from "../support/fake_clock.ts";

const { signal } = new AbortController();
const URL_ = new URL("http://192.0.2.1:8080/stable/arm64/manifest.json");

/** The refusal's code, or the text that was fetched. */
async function fetched(
  answer: (url: URL, signal: AbortSignal) => Response | Promise<Response>,
  { url = URL_, clock = new FakeClock() } = {},
): Promise<string> {
  const httpGet = async (at: URL, options: { signal: AbortSignal }) =>
    replyOf(await answer(at, options.signal));
  const result = await fetchManifest(
    url,
    { httpGet, clock, timeoutMs: 3000 },
    { signal },
  );
  return result.ok
    ? new TextDecoder().decode(result.value)
    : result.reason.code;
}

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location } });
}

Deno.test("fetchManifest() returns the body", async () => {
  assert.equal(await fetched(() => new Response("{}")), "{}");
});

Deno.test("fetchManifest() follows a redirect on the same host", async () => {
  const result = await fetched((url) =>
    url.pathname === "/new" ? new Response("moved") : redirect("/new")
  );
  assert.equal(result, "moved");
});

Deno.test("fetchManifest() refuses a redirect to another host, port or scheme", async () => {
  for (
    const target of [
      "http://198.51.100.1:8080/x",
      "http://192.0.2.1:9090/x",
      "//evil.example/x",
      "file:///etc/passwd",
      "::::",
    ]
  ) assert.equal(await fetched(() => redirect(target)), "redirect", target);
});

Deno.test("fetchManifest() gives up on redirects in a circle", async () => {
  assert.equal(await fetched((url) => redirect(url.href)), "redirect");
});

Deno.test("fetchManifest() never asks for anything but http and https", async () => {
  let asked = false;
  for (const href of ["file:///etc/passwd", "ftp://192.0.2.1/x", "data:,x"]) {
    const result = await fetched(() => {
      asked = true;
      return new Response();
    }, { url: new URL(href) });
    assert.equal(result, "scheme");
  }
  assert.equal(asked, false);
});

Deno.test("fetchManifest() stops reading an endless body after 1 MiB", async () => {
  let chunks = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      chunks++;
      controller.enqueue(new Uint8Array(65536));
    },
    cancel() {
      cancelled = true;
    },
  });
  assert.equal(await fetched(() => new Response(body)), "too_large");
  assert.ok(cancelled);
  assert.ok(chunks < 20);
});

Deno.test("fetchManifest() gives up on a provider that is silent or drips", async () => {
  const clock = new FakeClock();
  const silent = fetched((_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    }), { clock });
  await clock.advance(3000);
  assert.equal(await silent, "slow");

  const dripping = fetched((_, signal) =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(1));
          signal.addEventListener(
            "abort",
            () => controller.error(signal.reason),
          );
        },
      }),
    ), { clock });
  await clock.advance(3000);
  assert.equal(await dripping, "slow");
});

Deno.test("fetchManifest() tells an answer that breaks off from none at all", async () => {
  const code = await fetched(() =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(1));
        },
        pull(controller) {
          controller.error(new TypeError("error reading a body"));
        },
      }),
    )
  );
  assert.equal(code, "truncated");
  const refusal = { code: "truncated", message: "" } as const;
  assert.ok(!isRefusedManifest(refusal), "half of one is none");
  assert.ok(mayPass(refusal), "the provider may just be restarting");
});

Deno.test("fetchManifest() says when nobody answers, and with what status somebody does", async () => {
  assert.equal(
    await fetched(() => Promise.reject(new TypeError("refused"))),
    "unreachable",
  );
  assert.equal(
    await fetched(() => new Response("", { status: 404 })),
    "status",
  );
  assert.equal(
    await fetched(() => new Response("", { status: 206 })),
    "status",
  );
});

Deno.test("fetchManifest() without a limit waits as long as its caller does", async () => {
  const clock = new FakeClock();
  const fetching = fetchManifest(URL_, {
    clock,
    httpGet: async (_, { signal }) => {
      await sleep(clock, 600_000, { signal });
      return replyOf(new Response("late"));
    },
  }, { signal });
  await clock.advance(600_000);
  const late = await fetching;
  assert.equal(late.ok && new TextDecoder().decode(late.value), "late");
});

Deno.test("fetchManifest() passes its caller's abort on", async () => {
  const controller = new AbortController();
  const fetching = fetchManifest(URL_, {
    clock: new FakeClock(),
    httpGet: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  }, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(fetching, /enough/);
});
