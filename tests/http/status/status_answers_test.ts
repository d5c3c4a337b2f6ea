import assert from "node:assert/strict";
import type { Snapshot } from "../../../lib/http/status/snapshot.ts";
import {
  metricsAnswer,
  pageAnswer,
  peersAnswer,
  readyAnswer,
} from "../../../lib/http/status/status_answers.ts";
import {
  busyProvider,
  httpFixture,
  silentProvider,
} from "../../support/http_fixture.ts";

const { catalog, clock } = await httpFixture();

function snapshot(parts: Partial<Snapshot> = {}): Snapshot {
  return {
    nowMs: clock.now(),
    provider: silentProvider(),
    images: catalog.images(),
    trustDocuments: new Map(),
    machines: { list: () => [], counts: () => new Map() },
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
        "mDNS and DHT are off: only clients that are given the URL find the images",
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

Deno.test("peersAnswer() tells of each node when it was heard of last", () => {
  const jsonOf = ({ bytes }: ReturnType<typeof peersAnswer>) =>
    JSON.parse(new TextDecoder().decode(bytes ?? undefined));
  const provider = busyProvider();
  assert.deepEqual(jsonOf(peersAnswer(snapshot({ provider }))), {
    peers: [{
      peer_id: "12D3KooWPeer",
      address: "/ip4/10.0.0.9/tcp/4001",
      connected: false,
      last_contact_at: "2026-11-22T11:59:00.000Z",
    }],
  });
  assert.deepEqual(jsonOf(peersAnswer(snapshot())), { peers: [] });
});

Deno.test("a bootstrap node is ready where others can join through it", () => {
  const dht = {
    peerId: "12D3KooWLab",
    peerCount: 0,
    isReachable: undefined,
    peers: () => [],
    requests: [],
    sentRequests: [],
    bootstrap: new Map(),
  };
  const node = { ...silentProvider(), kind: "bootstrap" as const };
  const readyWith = (part: Partial<typeof node.dht>) => {
    const provider = { ...node, dht: { ...dht, ...part } };
    return readyAnswer(snapshot({ images: [], provider })).status;
  };
  const starting = readyAnswer(snapshot({ images: [], provider: node }));
  assert.equal(starting.status, 503);
  assert.equal(readyWith({}), 200);
  const bootstrap = new Map([["/dnsaddr/a", { kind: "dialling" as const }]]);
  assert.equal(readyWith({ bootstrap }), 503);
  assert.equal(readyWith({ bootstrap, peerCount: 1 }), 200);
  assert.equal(readyWith({ isReachable: false, peerCount: 1 }), 503);
});
