import fc from "fast-check";
import assert from "node:assert/strict";
import { isSafeName } from "../../lib/core/channel_arch.ts";
import { nameLabels } from "../../lib/net/dns/name.ts";
import {
  hostDnsName,
  hostIdOf,
  instanceName,
  subtypeName,
} from "../../lib/wire/dns_sd_names.ts";
import { imageOf } from "../support/sample_images.ts";

Deno.test("hostIdOf() keeps what fits a label of the short host name", () => {
  for (
    const [hostName, hostId] of [
      ["lab", "lab"],
      ["Lab-7.example.org", "lab-7"],
      ["büro_rechner", "b-ro-rechner"],
      ["--x--", "x"],
      ["a-very-long-host-name-indeed", "a-very-long-host-nam"],
      ["a23456789-123456789-x", "a23456789-123456789"],
      ["", "host"],
      ["主机", "host"],
    ] as const
  ) assert.equal(hostIdOf(hostName), hostId);
});

Deno.test("instanceName() and subtypeName() say channel and arch", () => {
  const image = imageOf("stable/x86_64");
  assert.equal(
    instanceName(image, "lab", 1),
    "phase-stable-x86_64-lab._phase-image._tcp.local",
  );
  assert.equal(
    instanceName(image, "lab", 2),
    "phase-stable-x86_64-lab-2._phase-image._tcp.local",
  );
  assert.equal(
    subtypeName(image),
    "_stable-x86_64._sub._phase-image._tcp.local",
  );
  assert.equal(hostDnsName("lab", 1), "phase-lab.local");
  assert.equal(hostDnsName("lab", 3), "phase-lab-3.local");
});

Deno.test("subtypeName() writes dots as hyphens", () => {
  assert.equal(
    subtypeName(imageOf("v1.2/arm64")),
    "_v1-2-arm64._sub._phase-image._tcp.local",
  );
});

Deno.test("subtypeName() keeps the bytes that providers and clients must agree on", () => {
  const image = { channel: "c".repeat(32), arch: "d".repeat(32) };
  assert.equal(
    subtypeName(image).split(".")[0],
    `_${"c".repeat(32)}-${"d".repeat(20)}-c397dabe`,
  );
});

Deno.test("names fit the wire whatever image, host and ordinal", () => {
  const letter = fc.constantFrom(..."az09._-");
  const name = fc.string({ unit: letter, minLength: 1, maxLength: 32 })
    .filter(isSafeName);
  const cases = fc.tuple(
    name,
    name,
    fc.string(),
    fc.integer({ min: 1, max: 999 }),
  );
  fc.assert(fc.property(cases, ([channel, arch, hostName, ordinal]) => {
    const image = { channel, arch };
    const hostId = hostIdOf(hostName);
    assert.match(hostId, /^[a-z0-9-]{1,20}$/);
    for (
      const dnsName of [
        subtypeName(image),
        instanceName(image, hostId, ordinal),
        hostDnsName(hostId, ordinal),
      ]
    ) assert.ok(nameLabels(dnsName).ok, dnsName);
  }));
});

Deno.test("shortened names of different images differ", () => {
  const [a, b] = ["a", "b"].map((end) => ({
    channel: "c".repeat(32),
    arch: `${"d".repeat(31)}${end}`,
  }));
  assert.ok(a && b);
  assert.notEqual(subtypeName(a), subtypeName(b));
  assert.notEqual(instanceName(a, "lab", 1), instanceName(b, "lab", 1));
});
