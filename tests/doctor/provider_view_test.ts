import assert from "node:assert/strict";
import {
  probePath,
  probeUrl,
  readProviderView,
  someOf,
} from "../../lib/doctor/provider_view.ts";
import { PROVIDER, statusOf } from "../support/doctor_observations.ts";
import { busyProvider, httpFixture, request } from "../support/http_fixture.ts";

Deno.test("readProviderView() reads what /status says", async () => {
  const fixture = await httpFixture();
  fixture.status = busyProvider();
  const text = await (await request(fixture, "/status")).text();
  const view = readProviderView(text);
  assert.ok(view.ok);
  assert.deepEqual(view.value, {
    name: "lab",
    version: "1.2.3",
    images: [
      { channel: "stable", arch: "arm64" },
      { channel: "testing", arch: "x86_64" },
    ],
    expired: [],
    missing: ["stable/x86_64", "testing/arm64"],
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
    timeMs: Date.parse("2026-11-22T12:00:00Z"),
    startedMs: Date.parse("2026-11-22T11:00:00Z"),
    signedBy: Array(2).fill(`ed25519:${"0".repeat(64)}`),
    warnings: ["Cannot read /srv/beta: permission denied"],
    dht: {
      peerId: "12D3KooWLab",
      peerCount: 7,
      isReachable: true,
      bootstrap: [{
        address: "/dnsaddr/lab.example",
        state: "connected",
        reason: undefined,
      }],
      unpublished: [],
    },
  });
});

Deno.test("readProviderView() refuses what is no provider's of this version", () => {
  const status = statusOf(PROVIDER);
  assert.ok(readProviderView(JSON.stringify(status)).ok);
  for (
    const text of [
      "",
      "<html>",
      "null",
      "[]",
      JSON.stringify({ ...status, http: undefined }),
      JSON.stringify({ ...status, http: { address: "lab", port: 8080 } }),
      JSON.stringify({ ...status, http: { address: "::", port: "8080" } }),
      JSON.stringify({ ...status, images: [{ channel: "../x", arch: "a" }] }),
      JSON.stringify({ ...status, images: null }),
      JSON.stringify({ ...status, mdns: { interfaces: [], links: [null] } }),
      JSON.stringify({ ...status, mdns: undefined }),
    ]
  ) {
    assert.deepEqual(readProviderView(text), {
      ok: false,
      reason: "no status of a plasmd of this version",
    }, text);
  }
});

Deno.test("readProviderView() counts what has expired by the provider's clock", () => {
  const image = (arch: string, expires_at: string) => ({
    ...{ channel: "stable", arch, expires_at, signed_by: [] },
  });
  const view = readProviderView(JSON.stringify({
    ...statusOf(PROVIDER),
    time: "2026-11-22T12:00:00.000Z",
    images: [
      image("arm64", "2026-11-22T12:00:00.000Z"),
      image("x86_64", "2026-11-22T12:00:01.000Z"),
    ],
  }));
  assert.deepEqual(view.ok && view.value.expired, ["stable/arm64"]);
});

Deno.test("a manifest stands for HTTP, else the status", () => {
  assert.equal(
    probeUrl(PROVIDER, "fd77::1"),
    "http://[fd77::1]:8080/stable/arm64/manifest.json",
  );
  assert.equal(probePath({ ...PROVIDER, images: [] }), "/status");
});

Deno.test("someOf() names three", () => {
  assert.equal(someOf(["a", "b", "c"]), "a, b, c");
  assert.equal(someOf(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
});
