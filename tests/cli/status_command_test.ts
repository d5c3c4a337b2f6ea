import assert from "node:assert/strict";
import { statusExitCode, statusLines } from "../../lib/cli/status_command.ts";
import type { StatusDocument } from "../../lib/http/status/status_json.ts";

const IDLE: StatusDocument = {
  name: "rack 4",
  version: "0.1.0",
  time: "2026-11-22T12:00:00.000Z",
  started_at: "2026-11-22T11:00:00.000Z",
  ready: false,
  images: [],
  missing: [],
  trust: null,
  warnings: [],
  scrub: {
    ...{ last_full_pass_at: null, done_bytes: 0, total_bytes: 0 },
    differing: 0,
  },
  mirror: null,
  http: { address: "0.0.0.0", port: 8080 },
  mdns: null,
  dht: null,
  downloads: {
    ...{ running: 0, limit: 512, done: 0, broken: 0, displaced: 0 },
    refused: 0,
    ...{ sent_bytes: 0, recent: [] },
  },
  machines: [],
  requests: [],
};

Deno.test("statusLines() of a provider that has nothing is its name alone", () => {
  assert.deepEqual(statusLines(IDLE), ["rack 4  plasmd 0.1.0  not ready"]);
});

const LIFE = [
  "         expires 2100-01-01T00:00:00.000Z",
  "         signed by ed25519:0a",
];

Deno.test("statusExitCode() is 4 when all that is served has expired, and the lines say so", () => {
  const image = (expires_at: string) => ({
    ...{ channel: "stable", arch: "arm64", version: "1", artifacts: [] },
    ...{ manifest: "/stable/arm64/manifest.json", manifest_sha256: "0" },
    ...{ expires_at, signed_by: [], advertised: [] },
  });
  const over = { ...IDLE, images: [image(IDLE.time)] };
  assert.equal(statusExitCode(over), 4);
  assert.ok(statusLines(over).includes(`         EXPIRED ${IDLE.time}`));
  const images = [...over.images, image("2100-01-01T00:00:00.000Z")];
  assert.equal(statusExitCode({ ...IDLE, images }), 0);
  assert.equal(statusExitCode(IDLE), 0);
});

Deno.test("statusLines() tells the last step of machines, and what is stuck", () => {
  const machine = {
    id: "52:54:00:12:34:56",
    step: "kernel",
    what: "kernel sent",
    since: IDLE.time,
    stuck: false,
  } as const;
  const named = {
    ...{ name: "rack1-07", firmware: "UEFI x86_64", address: "10.0.0.7" },
    stuck: true,
  };
  const machines = [
    { ...machine, ...named },
    { ...machine, id: "10.0.0.8", address: "10.0.0.8" },
  ];
  assert.deepEqual(statusLines({ ...IDLE, machines }).slice(1), [
    `machine  52:54:00:12:34:56 (rack1-07) UEFI x86_64 10.0.0.7: kernel sent, STUCK since ${IDLE.time}`,
    `machine  10.0.0.8: kernel sent, since ${IDLE.time}`,
  ]);
  const many = Array.from({ length: 103 }, () => machine);
  assert.equal(
    statusLines({ ...IDLE, machines: many }).at(-1),
    "         and 3 more",
  );
});

Deno.test("statusLines() names the newest trust document", () => {
  const trust = { trust_version: 3, expires_at: null };
  assert.equal(
    statusLines({ ...IDLE, trust })[1],
    "trust    3  expires never",
  );
});

Deno.test("statusLines() tells a line each, and why something does not work", () => {
  const image = {
    ...{ channel: "stable", arch: "arm64", version: "2026.11.22" },
    ...{ manifest: "/stable/arm64/manifest.json", manifest_sha256: "0" },
    ...{ expires_at: "2100-01-01T00:00:00.000Z", signed_by: ["ed25519:0a"] },
    artifacts: [],
  };
  const at = { last_published_at: null };
  const lines = statusLines({
    ...IDLE,
    ready: true,
    images: [
      {
        ...image,
        advertised: [
          { via: "mDNS", published: true, ...at },
          { via: "DHT", published: true, holders: 5, ...at },
        ],
      },
      {
        ...{ ...image, arch: "x86_64" },
        advertised: [
          { via: "mDNS", published: false, problem: "eth0 is down", ...at },
          { via: "DHT", published: false, ...at },
        ],
      },
      { ...image, channel: "testing", advertised: [] },
    ],
    missing: ["testing/x86_64"],
    warnings: ["the clock is wrong"],
    mdns: {
      interfaces: [],
      links: [
        { interface: "eth0", address: "10.0.0.1", state: "established" },
        { interface: "eth1", address: "::1", state: "failed", reason: "down" },
      ],
    },
    dht: {
      peer_id: "12D3",
      peers: 7,
      reachable: false,
      bootstrap: [
        { address: "/dnsaddr/a.example", state: "connected" },
        { address: "/ip4/192.0.2.1", state: "failed", reason: "refused" },
      ],
      publishing: null,
    },
    scrub: {
      last_full_pass_at: "2026-11-22T06:00:00.000Z",
      ...{ done_bytes: 10, total_bytes: 1000, differing: 2 },
    },
  });
  assert.deepEqual(lines, [
    "rack 4  plasmd 0.1.0  ready",
    "image    stable/arm64  2026.11.22  mDNS yes, DHT yes (at 5 nodes)",
    ...LIFE,
    "image    stable/x86_64  2026.11.22  mDNS no (eth0 is down), DHT no (not yet)",
    ...LIFE,
    "image    testing/arm64  2026.11.22  not advertised",
    ...LIFE,
    "missing  testing/x86_64",
    "mdns     eth0 10.0.0.1 established",
    "mdns     eth1 ::1 failed: down",
    "dht      12D3  7 peers, which cannot connect to it",
    "         /dnsaddr/a.example connected",
    "         /ip4/192.0.2.1 failed: refused",
    "scrub    last ended 2026-11-22T06:00:00.000Z, latest pass 1 %, 2 files differed",
    "warning  the clock is wrong",
  ]);
});

Deno.test("statusLines() says how far behind a mirror is, since when and why", () => {
  const mirrored = {
    ...{ channel: "stable", arch: "arm64", activity: "waiting" as const },
    has: { version: "2026.11.22", manifest_version: 7 },
    newest: { version: "2026.11.22", manifest_version: 7 },
    ...{ behind_since: null, next_ask_at: null, fetched: null, problem: null },
    last_found_at: "2026-11-22T11:59:00.000Z",
  };
  const lines = statusLines({
    ...IDLE,
    mirror: [
      mirrored,
      {
        ...mirrored,
        activity: "fetching",
        newest: { version: "2026.11.23", manifest_version: 8 },
        behind_since: "2026-11-22T11:58:00.000Z",
        fetched: { done_bytes: 1, total_bytes: 3 },
        problem: "the disk is full",
      },
      { ...mirrored, has: null, newest: null, last_found_at: null },
    ],
  });
  assert.deepEqual(lines.slice(1), [
    "mirror   stable/arm64  2026.11.22  last found elsewhere 2026-11-22T11:59:00.000Z",
    "mirror   stable/arm64  2026.11.22  behind 2026.11.23 since 2026-11-22T11:58:00.000Z, has 33 %",
    "         the disk is full",
    "mirror   stable/arm64  nothing yet  last found elsewhere never",
  ]);
});
