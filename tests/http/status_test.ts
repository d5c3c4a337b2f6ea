import assert from "node:assert/strict";
import { metricsText } from "../../lib/http/metrics.ts";
import type { Snapshot } from "../../lib/http/snapshot.ts";
import {
  busyProvider,
  errorOf,
  type HttpFixture,
  httpFixture,
  KERNEL,
  request,
  silentProvider,
} from "./http_fixture.ts";

const KERNEL_URL = "/stable/arm64/kernel";

function hashes({ catalog }: HttpFixture): Record<string, string> {
  const [image] = catalog.images();
  assert.ok(image);
  return Object.fromEntries(
    [...image.artifacts].map(([role, { sha256 }]) => [role, sha256]),
  );
}

Deno.test("/ready names what can be found", async () => {
  const fixture = await httpFixture();
  fixture.status = busyProvider();
  const response = await request(fixture, "/ready");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    ready: true,
    images: ["stable/arm64"],
  });
});

Deno.test("/ready is content with serving when discovery is off", async () => {
  const response = await request(await httpFixture(), "/ready");
  assert.deepEqual(await response.json(), {
    ready: true,
    images: ["stable/arm64", "testing/x86_64"],
  });
});

Deno.test("/ready is 503 while nothing is served", async () => {
  const fixture = await httpFixture();
  fixture.catalog.set([]);
  const response = await request(fixture, "/ready");
  assert.equal(response.status, 503);
  assert.equal(await errorOf(response), "Not ready: nothing is served");
});

Deno.test("/ready is 503 while nothing can be found", async () => {
  const fixture = await httpFixture();
  fixture.status = { ...silentProvider(), advertisers: ["mDNS", "DHT"] };
  const response = await request(fixture, "/ready");
  assert.equal(response.status, 503);
  assert.equal(
    await errorOf(response),
    "Not ready: stable/arm64, testing/x86_64 served, but not found by mDNS or DHT yet",
  );
});

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
  const { kernel, initramfs, "Board-4.dtb": dtb } = hashes(fixture);
  const [stable, testing] = fixture.catalog.images();
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
    images: [
      {
        channel: "stable",
        arch: "arm64",
        version: "2026.11.22",
        manifest: "/stable/arm64/manifest.json",
        manifest_sha256: stable?.manifest.sha256,
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
    ],
    missing: ["stable/x86_64", "testing/arm64"],
    warnings: ["Cannot read /srv/beta: permission denied"],
    mdns: {
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
    dht: { peer_id: "12D3KooWLab", peers: 7 },
    downloads: {
      running: 1,
      limit: 512,
      done: 1,
      broken: 0,
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
    requests: [
      { method: "GET", status: 200, count: 1 },
      { method: "GET", status: 206, count: 1 },
    ],
  });
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

Deno.test("/metrics is Prometheus' text format", async () => {
  const fixture = await httpFixture();
  fixture.status = busyProvider();
  await (await request(fixture, KERNEL_URL)).bytes();
  await request(fixture, "/nothing");
  await request(fixture, "/", { method: "DELETE" });
  const response = await request(fixture, "/metrics");
  assert.equal(
    response.headers.get("content-type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
  assert.equal(
    await response.text(),
    `# HELP plasmd_build_info The version that is running.
# TYPE plasmd_build_info gauge
plasmd_build_info{version="1.2.3"} 1
# HELP plasmd_start_time_seconds When the provider was started, in seconds since 1970.
# TYPE plasmd_start_time_seconds gauge
plasmd_start_time_seconds 1795345200
# HELP plasmd_image_info The images that are served.
# TYPE plasmd_image_info gauge
plasmd_image_info{channel="stable",arch="arm64",version="2026.11.22"} 1
plasmd_image_info{channel="testing",arch="x86_64",version="2026.11.22"} 1
# HELP plasmd_images_missing Images that are expected and not there.
# TYPE plasmd_images_missing gauge
plasmd_images_missing 2
# HELP plasmd_image_size_bytes All artifacts of an image together.
# TYPE plasmd_image_size_bytes gauge
plasmd_image_size_bytes{channel="stable",arch="arm64"} 51
plasmd_image_size_bytes{channel="testing",arch="x86_64"} 14
# HELP plasmd_advertised Whether the network can find an image this way.
# TYPE plasmd_advertised gauge
plasmd_advertised{channel="stable",arch="arm64",via="mDNS"} 1
plasmd_advertised{channel="stable",arch="arm64",via="DHT"} 1
plasmd_advertised{channel="testing",arch="x86_64",via="mDNS"} 0
# HELP plasmd_last_publish_timestamp_seconds When an image was last published this way, in seconds since 1970.
# TYPE plasmd_last_publish_timestamp_seconds gauge
plasmd_last_publish_timestamp_seconds{channel="stable",arch="arm64",via="DHT"} 1795348500
# HELP plasmd_next_refresh_timestamp_seconds When an image is published again this way, in seconds since 1970.
# TYPE plasmd_next_refresh_timestamp_seconds gauge
plasmd_next_refresh_timestamp_seconds{channel="stable",arch="arm64",via="DHT"} 1795350300
# HELP plasmd_dht_record_holders Other DHT nodes that hold the record of an image.
# TYPE plasmd_dht_record_holders gauge
plasmd_dht_record_holders{channel="stable",arch="arm64"} 5
# HELP plasmd_dht_peers DHT nodes that are known.
# TYPE plasmd_dht_peers gauge
plasmd_dht_peers 7
# HELP plasmd_mdns_link_up Whether mDNS answers on a network interface.
# TYPE plasmd_mdns_link_up gauge
plasmd_mdns_link_up{interface="lo"} 1
plasmd_mdns_link_up{interface="eth0"} 0
# HELP plasmd_http_requests_total Requests answered.
# TYPE plasmd_http_requests_total counter
plasmd_http_requests_total{method="GET",code="200"} 1
plasmd_http_requests_total{method="GET",code="404"} 1
plasmd_http_requests_total{method="other",code="405"} 1
# HELP plasmd_downloads_running Downloads of artifacts under way.
# TYPE plasmd_downloads_running gauge
plasmd_downloads_running 1
# HELP plasmd_downloads_limit Downloads beyond this number are refused.
# TYPE plasmd_downloads_limit gauge
plasmd_downloads_limit 512
# HELP plasmd_downloads_total Downloads that ended, whole or broken off.
# TYPE plasmd_downloads_total counter
plasmd_downloads_total{outcome="done"} 0
plasmd_downloads_total{outcome="broken"} 0
plasmd_downloads_total{outcome="refused"} 0
# HELP plasmd_sent_bytes_total Bytes of artifacts handed to the network.
# TYPE plasmd_sent_bytes_total counter
plasmd_sent_bytes_total ${KERNEL.length}
`,
  );
});

Deno.test("metricsText() escapes what a version may hold", async () => {
  const fixture = await httpFixture();
  const [image] = fixture.catalog.images();
  assert.ok(image);
  const snapshot: Snapshot = {
    nowMs: 0,
    provider: silentProvider(),
    images: [{ ...image, version: 'a"b\\c\nd' }],
    requests: [],
    downloads: {
      running: 0,
      limit: 1,
      done: 0,
      broken: 0,
      refused: 0,
      sentBytes: 0,
    },
    recentDownloads: [],
  };
  assert.match(metricsText(snapshot), /version="a\\"b\\\\c\\nd"} 1\n/);
});
