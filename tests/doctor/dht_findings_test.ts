import assert from "node:assert/strict";
import { dhtFindings } from "../../lib/doctor/dht_findings.ts";
import type { DhtView, Observations } from "../../lib/doctor/observations.ts";
import type {
  DhtStatus,
  ProviderView,
} from "../../lib/doctor/provider_view.ts";
import {
  HEALTHY,
  NOW_MS,
  REACHED_NODE,
} from "../support/doctor_observations.ts";

const MANIFEST = "/stable/arm64/manifest.json";

/** Of a node that others connect to. */
const DHT: DhtStatus = {
  ...REACHED_NODE,
  bootstrap: [{
    address: "/ip4/10.77.0.2/tcp/4001/p2p/12D3KooWOther",
    state: "connected",
    reason: undefined,
  }],
};

/** What a stranger saw who found it. */
const FOUND: DhtView = {
  nodes: ["/ip4/10.77.0.2/tcp/4001/p2p/12D3KooWOther"],
  hasAnswer: true,
  url: `http://10.77.0.1:8080${MANIFEST}`,
  problems: [],
};

/** The healthy host, with what its provider says of itself changed. */
function saying(
  provider: Partial<ProviderView>,
  more: Partial<Observations> = {},
): Observations {
  return {
    ...HEALTHY,
    ...more,
    provider: { ...HEALTHY.provider, ...provider },
  };
}

function codes(seen: Observations): string[] {
  return dhtFindings(seen).map(({ code, where }) => `${code} ${where.join()}`);
}

Deno.test("dhtFindings() tells what keeps strangers from images in the DHT", () => {
  const [node = ""] = FOUND.nodes;
  const inDht = (dht: Partial<DhtStatus>, view: Partial<DhtView> = {}) =>
    codes(saying({ dht: { ...DHT, ...dht } }, { dht: { ...FOUND, ...view } }));
  assert.deepEqual(inDht({}), []);
  // A provider that nobody has to join through is no fault while mDNS is on.
  assert.deepEqual(inDht({ peerCount: 0, bootstrap: [] }), []);
  assert.deepEqual(
    codes(saying(
      { mdns: null, dht: { ...DHT, peerCount: 0, bootstrap: [] } },
      { links: [] },
    )),
    ["dht_alone http://127.0.0.1:8080"],
  );
  const alone = { mdns: null, dht: { ...DHT, peerCount: 0, bootstrap: [] } };
  for (const [ageMs, count] of [[4000, 0], [6000, 1]] as const) {
    const startedMs = HEALTHY.nowMs - ageMs;
    const seen = saying({ ...alone, startedMs }, { links: [] });
    assert.equal(codes(seen).length, count);
  }
  const bootstrap = [{ address: node, state: "failed", reason: "refused" }];
  const [notJoined] = dhtFindings(
    saying({ dht: { ...DHT, peerCount: 0, bootstrap } }),
  );
  assert.equal(notJoined?.code, "dht_not_joined");
  assert.match(notJoined?.cause ?? "", /: refused$/);
  const connected = [{ address: node, state: "connected", reason: undefined }];
  const [other] = dhtFindings(
    saying({ dht: { ...DHT, peerCount: 0, bootstrap: connected } }),
  );
  assert.equal(other?.code, "dht_not_joined");
  assert.match(other?.cause ?? "", /what answers there is no node of this DHT/);
  assert.match(other?.nextStep ?? "", /--dht-protocol/);
  assert.deepEqual(inDht({ isReachable: false }, { url: undefined }), [
    "dht_unreachable http://127.0.0.1:8080",
  ]);
  assert.deepEqual(inDht({}, { url: undefined }), [`dht_not_found ${node}`]);
  // Nobody who could be asked says nothing.
  assert.deepEqual(inDht({}, { url: undefined, hasAnswer: false }), []);
  assert.deepEqual(inDht({}, { url: `http://192.0.2.1${MANIFEST}` }), [
    "url_no_answer DHT",
  ]);
});

Deno.test("dhtFindings() gives a node that was just started its time", () => {
  const startedMs = NOW_MS - 5000;
  const state = { state: "dialling", reason: undefined };
  const bootstrap = DHT.bootstrap.map((node) => ({ ...node, ...state }));
  const dht = { ...DHT, peerCount: 0, bootstrap };
  assert.deepEqual(codes(saying({ startedMs, dht })), []);
  const unfound = { dht: { ...FOUND, url: undefined } };
  assert.deepEqual(codes(saying({ startedMs, dht: DHT }, unfound)), []);
});
