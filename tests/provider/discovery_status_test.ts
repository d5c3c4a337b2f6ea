import { RequestTally } from "../../lib/net/dht/request_tally.ts";
import assert from "node:assert/strict";
import {
  discoveryStatus,
  nodeWarnings,
} from "../../lib/provider/discovery_status.ts";

const STABLE = { channel: "stable", arch: "arm64" };
const TESTING = { channel: "testing", arch: "arm64" };

Deno.test("discoveryStatus() of what is off is empty", () => {
  assert.deepEqual(
    discoveryStatus({}, { mdns: false, dht: false }, [STABLE]),
    { advertisers: [], advertisements: [], links: [] },
  );
});

Deno.test("discoveryStatus() of what is not open yet is not published", () => {
  const status = discoveryStatus({}, { mdns: true, dht: true }, [STABLE]);
  assert.deepEqual(status.advertisers, ["mDNS", "DHT"]);
  assert.deepEqual(status.advertisements, [
    { image: STABLE, via: "mDNS", published: false },
    { image: STABLE, via: "DHT", published: false },
  ]);
});

Deno.test("discoveryStatus() tells each image's state in each way", () => {
  const link = {
    interfaceName: "lo",
    address: "127.0.0.1",
    state: "established",
  } as const;
  const progress = { waiting: 1, lagMs: 0, meanHolders: 1.5 };
  const status = discoveryStatus(
    {
      mdns: {
        isPublished: ({ channel }) => channel === "stable",
        links: () => [link],
      },
      dht: {
        isPublished: ({ channel }) => channel === "stable",
        status: () => [
          { image: STABLE, storedAt: 3, lastPublishedMs: 5, nextRefreshMs: 7 },
          { image: TESTING, storedAt: 0, problem: "no peer" },
        ],
        progress: () => progress,
      },
      node: {
        peerId: "12D3KooW",
        peerCount: () => 4,
        peers: () => [],
        requestCounts: new RequestTally(),
        sentCounts: new RequestTally(),
        isReachable: () => true,
        copiedAt: () => undefined,
        joinStates: () => new Map([["/ip4/192.0.2.1", { kind: "dialling" }]]),
      },
    },
    { mdns: true, dht: true },
    [STABLE, TESTING],
  );
  assert.deepEqual(status.dht?.peers(), []);
  assert.deepEqual(status, {
    advertisers: ["mDNS", "DHT"],
    advertisements: [
      { image: STABLE, via: "mDNS", published: true },
      {
        image: STABLE,
        via: "DHT",
        published: true,
        holders: 3,
        lastPublishedMs: 5,
        nextRefreshMs: 7,
      },
      { image: TESTING, via: "mDNS", published: false },
      {
        image: TESTING,
        via: "DHT",
        published: false,
        holders: 0,
        problem: "no peer",
      },
    ],
    links: [link],
    dht: {
      peerId: "12D3KooW",
      peerCount: 4,
      peers: status.dht?.peers,
      requests: [],
      sentRequests: [],
      publishing: progress,
      isReachable: true,
      bootstrap: new Map([["/ip4/192.0.2.1", { kind: "dialling" }]]),
    },
  });
});

Deno.test("nodeWarnings() says where another machine has the same identity", () => {
  assert.deepEqual(nodeWarnings(undefined), []);
  assert.deepEqual(nodeWarnings({ copiedAt: () => undefined }), []);
  const at = "/ip4/192.0.2.7/tcp/4001";
  const [warning] = nodeWarnings({ copiedAt: () => at });
  assert.match(
    String(warning),
    /identity, at \/ip4\/192\.0\.2\.7.*identity\.key/,
  );
});
