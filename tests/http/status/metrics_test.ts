import assert from "node:assert/strict";
import { metricsText } from "../../../lib/http/status/metrics.ts";
import type { Snapshot } from "../../../lib/http/status/snapshot.ts";
import {
  busyProvider,
  httpFixture,
  KERNEL,
  mirroringProvider,
  request,
  silentProvider,
} from "../../support/http_fixture.ts";
import { testSigningKey } from "../../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../../support/trust_roots.ts";

const KERNEL_URL = "/stable/arm64/kernel";

const EXPECTED = `# HELP plasmd_build_info The version that is running.
# TYPE plasmd_build_info gauge
plasmd_build_info{version="1.2.3"} 1
# HELP plasmd_start_time_seconds When the provider was started, in seconds since 1970.
# TYPE plasmd_start_time_seconds gauge
plasmd_start_time_seconds 1795345200
# HELP plasmd_image_info Images that are served.
# TYPE plasmd_image_info gauge
plasmd_image_info{channel="stable",arch="arm64",version="2026.11.22"} 1
plasmd_image_info{channel="testing",arch="x86_64",version="2026.11.22"} 1
# HELP plasmd_manifest_expiry_timestamp_seconds When clients stop accepting an image, in seconds since 1970.
# TYPE plasmd_manifest_expiry_timestamp_seconds gauge
plasmd_manifest_expiry_timestamp_seconds{channel="stable",arch="arm64"} 4102444800
plasmd_manifest_expiry_timestamp_seconds{channel="testing",arch="x86_64"} 4102444800
# HELP plasmd_images_missing Images that are expected but missing.
# TYPE plasmd_images_missing gauge
plasmd_images_missing 2
# HELP plasmd_image_size_bytes Total size of an image's artifacts.
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
# HELP plasmd_next_refresh_timestamp_seconds When an image will next be published this way, in seconds since 1970.
# TYPE plasmd_next_refresh_timestamp_seconds gauge
plasmd_next_refresh_timestamp_seconds{channel="stable",arch="arm64",via="DHT"} 1795350300
# HELP plasmd_dht_record_holders Other DHT nodes that hold an image's record.
# TYPE plasmd_dht_record_holders gauge
plasmd_dht_record_holders{channel="stable",arch="arm64"} 5
# HELP plasmd_dht_peers Known DHT nodes.
# TYPE plasmd_dht_peers gauge
plasmd_dht_peers 7
# HELP plasmd_dht_reachable Whether other DHT nodes can connect to this one, if they have reported it.
# TYPE plasmd_dht_reachable gauge
plasmd_dht_reachable 1
# HELP plasmd_dht_requests_total Requests from other DHT nodes; those not answered were refused.
# TYPE plasmd_dht_requests_total counter
plasmd_dht_requests_total{kind="find_node",answered="true"} 7
# HELP plasmd_dht_sent_requests_total Requests to other DHT nodes, to publish and look up images.
# TYPE plasmd_dht_sent_requests_total counter
plasmd_dht_sent_requests_total{kind="put_value",answered="true"} 40
# HELP plasmd_dht_publish_queue Images that are being published in the DHT, or waiting to be.
# TYPE plasmd_dht_publish_queue gauge
plasmd_dht_publish_queue 2
# HELP plasmd_dht_publish_lag_seconds How long the first image in the publish queue has been waiting.
# TYPE plasmd_dht_publish_lag_seconds gauge
plasmd_dht_publish_lag_seconds 1.5
# HELP plasmd_dht_holders_mean Average number of other DHT nodes told of an image.
# TYPE plasmd_dht_holders_mean gauge
plasmd_dht_holders_mean 19.5
# HELP plasmd_dht_last_round_timestamp_seconds When the last round of refreshes began, in seconds since 1970.
# TYPE plasmd_dht_last_round_timestamp_seconds gauge
plasmd_dht_last_round_timestamp_seconds 1795347000
# HELP plasmd_dht_last_round_images Images refreshed in the last round, by outcome.
# TYPE plasmd_dht_last_round_images gauge
plasmd_dht_last_round_images{outcome="told"} 9
plasmd_dht_last_round_images{outcome="failed"} 1
# HELP plasmd_dht_bootstrap_up Whether a bootstrap node is connected.
# TYPE plasmd_dht_bootstrap_up gauge
plasmd_dht_bootstrap_up{address="/dnsaddr/lab.example"} 1
# HELP plasmd_mdns_link_up Whether mDNS answers on a network interface.
# TYPE plasmd_mdns_link_up gauge
plasmd_mdns_link_up{interface="lo"} 1
plasmd_mdns_link_up{interface="eth0"} 0
# HELP plasmd_scrub_last_pass_timestamp_seconds When everything served was last read again completely, in seconds since 1970.
# TYPE plasmd_scrub_last_pass_timestamp_seconds gauge
plasmd_scrub_last_pass_timestamp_seconds 1795327200
# HELP plasmd_scrub_done_bytes Bytes read again so far in the current pass.
# TYPE plasmd_scrub_done_bytes gauge
plasmd_scrub_done_bytes 4096
# HELP plasmd_scrub_differing_total Files whose content differed from what was promised.
# TYPE plasmd_scrub_differing_total counter
plasmd_scrub_differing_total 1
# HELP plasmd_machines Booting machines, by the last step of each.
# TYPE plasmd_machines gauge
plasmd_machines{step="seen"} 0
plasmd_machines{step="offered"} 0
plasmd_machines{step="loader"} 0
plasmd_machines{step="script"} 1
plasmd_machines{step="kernel"} 0
plasmd_machines{step="done"} 0
# HELP plasmd_machines_stuck Machines that reached their last step long ago without finishing.
# TYPE plasmd_machines_stuck gauge
plasmd_machines_stuck 0
# HELP plasmd_machine_steps_total Steps of booting machines.
# TYPE plasmd_machine_steps_total counter
plasmd_machine_steps_total{step="seen"} 0
plasmd_machine_steps_total{step="offered"} 0
plasmd_machine_steps_total{step="loader"} 0
plasmd_machine_steps_total{step="script"} 1
plasmd_machine_steps_total{step="kernel"} 0
plasmd_machine_steps_total{step="done"} 0
# HELP plasmd_http_requests_total Requests answered.
# TYPE plasmd_http_requests_total counter
plasmd_http_requests_total{method="GET",code="200"} 1
plasmd_http_requests_total{method="GET",code="404"} 1
plasmd_http_requests_total{method="other",code="405"} 1
# HELP plasmd_downloads_running Running downloads of artifacts.
# TYPE plasmd_downloads_running gauge
plasmd_downloads_running 1
# HELP plasmd_downloads_limit Maximum number of simultaneous downloads; others wait or are refused.
# TYPE plasmd_downloads_limit gauge
plasmd_downloads_limit 512
# HELP plasmd_downloads_total Downloads that ended or were refused, by outcome.
# TYPE plasmd_downloads_total counter
plasmd_downloads_total{outcome="done"} 0
plasmd_downloads_total{outcome="broken"} 0
plasmd_downloads_total{outcome="displaced"} 0
plasmd_downloads_total{outcome="refused"} 0
# HELP plasmd_sent_bytes_total Bytes of artifacts handed to the network.
# TYPE plasmd_sent_bytes_total counter
plasmd_sent_bytes_total ${KERNEL.length}
`;

Deno.test("/metrics is Prometheus' text format", async () => {
  const fixture = await httpFixture();
  fixture.status = busyProvider();
  await (await request(fixture, KERNEL_URL)).bytes();
  await request(fixture, "/nothing");
  await request(fixture, "/", { method: "DELETE" });
  const mac = "52:54:00:12:34:56";
  fixture.machines.steps.note({ mac, step: "script", what: "menu" });
  const response = await request(fixture, "/metrics");
  assert.equal(
    response.headers.get("content-type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
  assert.equal(
    await response.text(),
    EXPECTED,
  );
});

async function trust(trust_version: number, expires_at?: string) {
  const key = await testSigningKey(1);
  const members = {
    trust_version,
    ...expires_at !== undefined && { expires_at },
  };
  return await sealTrustRoot(trustRoot([key], members), [key]);
}

Deno.test("metricsText() escapes what a version may hold, and has the newest trust document", async () => {
  const fixture = await httpFixture();
  const [image] = fixture.catalog.images();
  assert.ok(image);
  const snapshot: Snapshot = {
    nowMs: 0,
    provider: silentProvider(),
    images: [{ ...image, version: 'a"b\\c\nd' }],
    trustDocuments: new Map([
      [9, await trust(9)],
      [10, await trust(10, "2027-01-01T00:00:00Z")],
    ]),
    machines: { list: () => [], counts: () => new Map() },
    requests: [],
    downloads: {
      running: 0,
      limit: 1,
      done: 0,
      broken: 0,
      displaced: 0,
      refused: 0,
      sentBytes: 0,
    },
    recentDownloads: [],
  };
  const text = metricsText(snapshot);
  assert.match(text, /version="a\\"b\\\\c\\nd"} 1\n/);
  assert.match(
    text,
    /^plasmd_trust_expiry_timestamp_seconds{trust_version="10"} 1798761600$/m,
  );
});

Deno.test("metrics say how far behind a mirror is, and nothing of it where there is none", async () => {
  const fixture = await httpFixture();
  const metrics = async () => await (await request(fixture, "/metrics")).text();
  assert.doesNotMatch(await metrics(), /mirror/);
  fixture.status = mirroringProvider();
  const samples = (await metrics()).split("\n")
    .filter((line) => line.startsWith("plasmd_mirror_"));
  assert.deepEqual(samples, [
    'plasmd_mirror_manifest_version{channel="stable",arch="arm64"} 7',
    'plasmd_mirror_manifest_version{channel="testing",arch="x86_64"} 0',
    'plasmd_mirror_behind{channel="stable",arch="arm64"} 0',
    'plasmd_mirror_behind{channel="testing",arch="x86_64"} 1',
    'plasmd_mirror_behind_since_timestamp_seconds{channel="testing",arch="x86_64"} 1795348500',
    'plasmd_mirror_last_found_timestamp_seconds{channel="stable",arch="arm64"} 1795348740',
    'plasmd_mirror_last_found_timestamp_seconds{channel="testing",arch="x86_64"} 1795348740',
  ]);
});
