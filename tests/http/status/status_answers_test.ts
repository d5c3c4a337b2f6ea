import assert from "node:assert/strict";
import type { Snapshot } from "../../../lib/http/status/snapshot.ts";
import {
  metricsAnswer,
  pageAnswer,
  readyAnswer,
} from "../../../lib/http/status/status_answers.ts";
import { httpFixture, silentProvider } from "../../support/http_fixture.ts";

const { catalog, clock } = await httpFixture();

function snapshot(parts: Partial<Snapshot> = {}): Snapshot {
  return {
    nowMs: clock.now(),
    provider: silentProvider(),
    images: catalog.images(),
    trustDocuments: new Map(),
    requests: [],
    downloads: {
      running: 0,
      limit: 512,
      done: 0,
      broken: 0,
      displaced: 0,
      refused: 0,
      sentBytes: 0,
    },
    recentDownloads: [],
    ...parts,
  };
}

Deno.test("readyAnswer() is 200 with the images, or 503 and why not", () => {
  const ready = readyAnswer(snapshot());
  assert.equal(ready.status, 200);
  assert.deepEqual(
    JSON.parse(new TextDecoder().decode(ready.bytes ?? undefined)),
    {
      ready: true,
      images: ["stable/arm64", "testing/x86_64"],
      warning:
        "mDNS and DHT are off: only clients that are told the URL come here",
    },
  );
  const waiting = readyAnswer(snapshot({ images: [] }));
  assert.equal(waiting.status, 503);
  assert.deepEqual(
    JSON.parse(new TextDecoder().decode(waiting.bytes ?? undefined)),
    { error: "Not ready: nothing is served" },
  );
});

Deno.test("readyAnswer() is 503 once everything that is served has expired, and not before", () => {
  const [image] = catalog.images();
  assert.ok(image);
  const expiring = (atMs: number) => ({
    ...image,
    manifest: { ...image.manifest, expiresAtMs: atMs },
  });
  const nowMs = clock.now();
  const images = [expiring(nowMs), expiring(nowMs + 1)];
  assert.equal(readyAnswer(snapshot({ images })).status, 200);
  const over = readyAnswer(snapshot({ images, nowMs: nowMs + 1 }));
  assert.equal(over.status, 503);
  assert.match(
    new TextDecoder().decode(over.bytes ?? undefined),
    /every manifest that is served has expired/,
  );
});

Deno.test("metricsAnswer() is what Prometheus reads", () => {
  const { headers } = metricsAnswer(snapshot());
  assert.match(headers["Content-Type"] ?? "", /^text\/plain; version=0\.0\.4/);
});

Deno.test("pageAnswer() is a page that nothing else may run in, and nobody keeps", async () => {
  const { headers } = await pageAnswer(snapshot());
  assert.equal(headers["Content-Type"], "text/html; charset=utf-8");
  assert.match(
    headers["Content-Security-Policy"] ?? "",
    /^default-src 'none'; style-src 'sha256-/,
  );
  assert.equal(headers["Cache-Control"], "no-store");
  assert.equal(headers.Vary, "accept");
});
