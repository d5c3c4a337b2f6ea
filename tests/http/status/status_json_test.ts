import assert from "node:assert/strict";
import {
  busyProvider,
  type HttpFixture,
  httpFixture,
  mirroringProvider,
  request,
} from "../../support/http_fixture.ts";
import { SIGNER_ID } from "../../support/memory_catalog.ts";

const KERNEL_URL = "/stable/arm64/kernel";

function hashes({ catalog }: HttpFixture): Record<string, string> {
  const [image] = catalog.images();
  assert.ok(image);
  return Object.fromEntries(
    [...image.artifacts].map(([role, { sha256 }]) => [role, sha256]),
  );
}

/** What /status says of the images of the fixture. */
function expectedImages(fixture: HttpFixture): unknown[] {
  const { kernel, initramfs, "Board-4.dtb": dtb } = hashes(fixture);
  const [stable, testing] = fixture.catalog.images();
  return [
    {
      channel: "stable",
      arch: "arm64",
      version: "2026.11.22",
      manifest: "/stable/arm64/manifest.json",
      manifest_sha256: stable?.manifest.sha256,
      expires_at: "2100-01-01T00:00:00.000Z",
      signed_by: [SIGNER_ID],
      artifacts: [
        {
          role: "kernel",
          filename: "vmlinuz",
          size_bytes: 26,
          sha256: kernel,
        },
        {
          role: "initramfs",
          filename: "initramfs.img",
          size_bytes: 12,
          sha256: initramfs,
        },
        {
          role: "Board-4.dtb",
          filename: "Board-4.dtb",
          size_bytes: 13,
          sha256: dtb,
        },
      ],
      advertised: [
        { via: "mDNS", published: true, last_published_at: null },
        {
          via: "DHT",
          published: true,
          last_published_at: "2026-11-22T11:55:00.000Z",
          next_refresh_at: "2026-11-22T12:25:00.000Z",
          holders: 5,
        },
      ],
    },
    {
      channel: "testing",
      arch: "x86_64",
      version: "2026.11.22",
      manifest: "/testing/x86_64/manifest.json",
      manifest_sha256: testing?.manifest.sha256,
      expires_at: "2100-01-01T00:00:00.000Z",
      signed_by: [SIGNER_ID],
      artifacts: [{
        role: "kernel",
        filename: "vmlinuz-6.12",
        size_bytes: 14,
        sha256: testing?.artifacts.get("kernel")?.sha256,
      }],
      advertised: [{
        via: "mDNS",
        published: false,
        last_published_at: null,
        problem: "eth0 is down",
      }],
    },
  ];
}

const DHT = {
  peer_id: "12D3KooWLab",
  peers: 7,
  reachable: true,
  bootstrap: [{ address: "/dnsaddr/lab.example", state: "connected" }],
  publishing: {
    ...{ queue: 2, lag_seconds: 2, mean_holders: 19.5 },
    last_round: { began_at: "2026-11-22T11:30:00.000Z", told: 9, failed: 1 },
  },
};

Deno.test("/status tells images, advertisements, peers and clients", async () => {
  const fixture = await httpFixture();
  fixture.status = busyProvider();
  await (await request(fixture, KERNEL_URL)).bytes();
  const left = Promise.withResolvers<void>();
  await (await request(fixture, KERNEL_URL, {
    headers: { range: "bytes=4-9" },
  }, left.promise)).bytes();
  left.resolve();
  await fixture.clock.advance(1000);
  const response = await request(fixture, "/status");
  const download = {
    client: "10.0.0.7",
    artifact: "stable/arm64/vmlinuz",
    started_at: "2026-11-22T12:00:00.000Z",
    size_bytes: 26,
  };
  assert.deepEqual(await response.json(), {
    name: "lab",
    version: "1.2.3",
    time: "2026-11-22T12:00:01.000Z",
    started_at: "2026-11-22T11:00:00.000Z",
    ready: true,
    images: expectedImages(fixture),
    trust: null,
    missing: ["stable/x86_64", "testing/arm64"],
    warnings: ["Cannot read /srv/beta: permission denied"],
    scrub: {
      last_full_pass_at: "2026-11-22T06:00:00.000Z",
      done_bytes: 4096,
      total_bytes: 65536,
      differing: 1,
    },
    mirror: null,
    http: { address: "0.0.0.0", port: 8080 },
    mdns: {
      interfaces: ["lo", "eth0"],
      links: [
        { interface: "lo", address: "127.0.0.1", state: "established" },
        {
          interface: "eth0",
          address: "10.0.0.1",
          state: "failed",
          reason: "Network is down",
        },
      ],
    },
    dht: DHT,
    downloads: {
      running: 1,
      limit: 512,
      done: 1,
      broken: 0,
      displaced: 0,
      refused: 0,
      sent_bytes: 32,
      recent: [
        {
          ...download,
          state: "running",
          offset_bytes: 0,
          length_bytes: 26,
          sent_bytes: 26,
        },
        {
          ...download,
          state: "done",
          offset_bytes: 4,
          length_bytes: 6,
          sent_bytes: 6,
        },
      ],
    },
    machines: [],
    requests: [
      { method: "GET", status: 200, count: 1 },
      { method: "GET", status: 206, count: 1 },
    ],
  });
});

Deno.test("/status tells the last step of each machine", async () => {
  const fixture = await httpFixture();
  fixture.machineRows = [{
    ...{ mac: "52:54:00:12:34:56", name: "rack1-07", boot: "menu" },
  }];
  fixture.machines.steps.note({
    ...{ mac: "52:54:00:12:34:56", uuid: "not told", client: "10.0.0.7" },
    ...{ firmware: "UEFI x86_64", image: "stable/x86_64" },
    ...{ step: "script", what: "script of stable/x86_64" },
  });
  await fixture.clock.advance(1000);
  const { machines } = await (await request(fixture, "/status")).json();
  assert.deepEqual(machines, [{
    id: "52:54:00:12:34:56",
    name: "rack1-07",
    address: "10.0.0.7",
    firmware: "UEFI x86_64",
    image: "stable/x86_64",
    step: "script",
    what: "script of stable/x86_64",
    since: "2026-11-22T12:00:00.000Z",
    stuck: false,
  }]);
});

Deno.test("/status counts a download that the client broke off", async () => {
  const fixture = await httpFixture({ maxRateBytesPerSecond: 4 });
  const left = Promise.withResolvers<void>();
  const response = await request(fixture, KERNEL_URL, {}, left.promise);
  const reader = response.body?.getReader();
  const first = reader?.read();
  await fixture.clock.advance(1000);
  await first;
  await reader?.cancel();
  left.resolve();
  await fixture.clock.advance(0);
  const status = await (await request(fixture, "/status")).json();
  assert.equal(status.downloads.broken, 1);
  assert.equal(status.downloads.recent[0].state, "broken");
  assert.equal(status.downloads.recent[0].sent_bytes, 1);
});

Deno.test("/status says what is off", async () => {
  const status = await (await request(await httpFixture(), "/status")).json();
  assert.equal(status.mdns, null);
  assert.equal(status.dht, null);
});

Deno.test("/status says how a mirror stands with each image", async () => {
  const fixture = await httpFixture();
  fixture.status = mirroringProvider();
  const { mirror } = await (await request(fixture, "/status")).json();
  assert.deepEqual(mirror, [
    {
      ...{ channel: "stable", arch: "arm64", activity: "waiting" },
      has: { version: "1", manifest_version: 7 },
      newest: { version: "1", manifest_version: 7 },
      behind_since: null,
      last_found_at: "2026-11-22T11:59:00.000Z",
      next_ask_at: "2026-11-22T12:09:00.000Z",
      ...{ fetched: null, problem: null },
    },
    {
      ...{ channel: "testing", arch: "x86_64", activity: "fetching" },
      has: null,
      newest: { version: "<2>", manifest_version: 8 },
      behind_since: "2026-11-22T11:55:00.000Z",
      last_found_at: "2026-11-22T11:59:00.000Z",
      next_ask_at: null,
      fetched: { done_bytes: 1024, total_bytes: 4096 },
      problem: "lab is asked for nothing more",
    },
  ]);
});
