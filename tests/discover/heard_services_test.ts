import assert from "node:assert/strict";
import { HeardServices } from "../../lib/discover/heard_services.ts";
import type { Link } from "../../lib/net/interfaces.ts";
import type { ServiceRecords } from "../../lib/net/mdns/querier.ts";
import { imageOf } from "../support/sample_images.ts";

const PEER_ID = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";
const INSTANCE = "x._phase-image._tcp.local";
const URL_1 = "http://10.0.0.1:8080/m.json";

const LINK: Link = {
  interfaceName: "eth0",
  family: 4,
  addresses: [{
    interfaceName: "eth0",
    address: "10.0.0.9",
    prefixLength: 24,
  }],
};

/** What is heard on one link. */
function heardServices() {
  const services = new HeardServices(imageOf("stable/arm64"));
  return {
    hear: (instance: string, records: ServiceRecords) =>
      services.hear(instance, records, LINK),
  };
}

/** What an instance says of an image. */
function recordsOf(
  image: string,
  attributes: Record<string, string> = {},
  rest: Partial<ServiceRecords> = {},
): ServiceRecords {
  const { channel, arch } = imageOf(image);
  const all = { channel, arch, manifest: URL_1, version: "1", ...attributes };
  return {
    txt: Object.entries(all).map(([key, value]) =>
      new TextEncoder().encode(`${key}=${value}`)
    ),
    host: "phase-lab.local",
    port: 8080,
    addresses: [],
    source: "10.0.0.1",
    ...rest,
  };
}

Deno.test("HeardServices tells everything once", () => {
  const services = heardServices();
  const p2p = `/ip4/10.0.0.1/tcp/1/p2p/${PEER_ID}`;
  const hear = () => [
    ...services.hear(INSTANCE, recordsOf("stable/arm64", { p2p })),
    ...services.hear("y.local", recordsOf("testing/arm64")),
  ];
  assert.deepEqual(hear(), [
    { kind: "peer", multiaddr: p2p },
    {
      kind: "candidate",
      candidate: {
        image: imageOf("stable/arm64"),
        manifestUrl: new URL(URL_1),
        version: "1",
        source: "mdns",
        providerName: "lab",
        peerId: PEER_ID,
      },
    },
    { kind: "other", image: imageOf("testing/arm64") },
  ]);
  assert.deepEqual([...hear(), ...hear()], []);
});

Deno.test("HeardServices tells of another version, or another place, as news", () => {
  const services = heardServices();
  const said: Record<string, string>[] = [
    {},
    { version: "2" },
    { manifest: "http://10.0.0.2/m.json" },
    { version: "2" },
  ];
  const told = said.map((attributes) =>
    services.hear(INSTANCE, recordsOf("stable/arm64", attributes)).length
  );
  assert.deepEqual(told, [1, 1, 1, 0]);
});

Deno.test("HeardServices leaves out of a candidate what is not known", () => {
  const records = recordsOf("stable/arm64", {}, { host: undefined });
  const [finding] = heardServices().hear(INSTANCE, records);
  assert.ok(finding?.kind === "candidate");
  assert.deepEqual(Object.keys(finding.candidate), [
    "image",
    "manifestUrl",
    "version",
    "source",
  ]);
});

Deno.test("HeardServices tells of a provider's further addresses, also when they come later", () => {
  const services = heardServices();
  const path = "/m.json";
  const hear = (addresses: readonly string[]) =>
    services.hear(INSTANCE, recordsOf("stable/arm64", { path }, { addresses }))
      .map((f) => f.kind === "candidate" ? f.candidate.otherUrls : f.kind);
  const further = ["10.1.0.1", "10.2.0.1"].map((address) =>
    new URL(`http://${address}:8080/m.json`)
  );
  assert.deepEqual(hear([]), [undefined]);
  assert.deepEqual(hear(["10.1.0.1", "10.0.0.1", "10.2.0.1"]), [further]);
  assert.deepEqual(hear(["10.2.0.1", "10.1.0.1", "10.0.0.1"]), []);
});

Deno.test("HeardServices tells of a path that it cannot use, and of the provider all the same", () => {
  const findings = heardServices().hear(
    INSTANCE,
    recordsOf("stable/arm64", { path: "//10.0.0.66/m.json" }),
  );
  assert.deepEqual(findings.map(({ kind }) => kind), ["problem", "candidate"]);
  assert.deepEqual(findings[0], {
    kind: "problem",
    message:
      `mdns ${INSTANCE}: path "//10.0.0.66/m.json" is not one like /stable/arm64`,
  });
});

Deno.test("HeardServices goes by the TXT record, not by the instance's name", () => {
  const findings = heardServices().hear(
    "phase-stable-arm64-lab._phase-image._tcp.local",
    recordsOf("stable/arm64", { channel: "testing" }),
  );
  assert.deepEqual(findings, [
    { kind: "other", image: imageOf("testing/arm64") },
  ]);
});

Deno.test("HeardServices tells what it cannot use, escaped and no more than 20 times", () => {
  const services = heardServices();
  const findings = Array.from({ length: 30 }, (_, i) =>
    services.hear(
      `x\\027${i}._phase-image._tcp.local`,
      recordsOf("stable/arm64", { manifest: "\u001b[31m" }),
    )).flat();
  assert.equal(findings.length, 20);
  assert.deepEqual(findings[0], {
    kind: "problem",
    message:
      'mdns x\\0270._phase-image._tcp.local: manifest "?[31m" is not a URL',
  });
});

Deno.test("HeardServices tells of a provider however much another host floods", () => {
  const services = heardServices();
  const flood = Array.from({ length: 5000 }, (_, i) =>
    services.hear(
      `x${i}._phase-image._tcp.local`,
      recordsOf(
        i % 2 === 0 ? "stable/arm64" : `c${i}/arm64`,
        { manifest: `http://10.0.0.66/${i}` },
        { source: "10.0.0.66" },
      ),
    )).flat();
  assert.equal(flood.length, 201);
  const problems = flood.filter(({ kind }) => kind === "problem");
  assert.equal(problems.length, 1, "it is said once");
  assert.match(JSON.stringify(problems), /10\.0\.0\.66: says more than 100 /);
  const [finding] = services.hear(INSTANCE, recordsOf("stable/arm64"));
  assert.ok(finding?.kind === "candidate");
  assert.equal(finding.candidate.manifestUrl.href, URL_1);
});

Deno.test("HeardServices finds the image of a host that tells of thousands of others first", () => {
  const services = heardServices();
  const others = Array.from(
    { length: 5000 },
    (_, i) => services.hear(`x${i}.local`, recordsOf(`c${i}/arm64`)),
  ).flat();
  assert.deepEqual(
    [...new Set(others.map(({ kind }) => kind)), others.length],
    ["other", 100],
  );
  const [finding] = services.hear(INSTANCE, recordsOf("stable/arm64"));
  assert.equal(finding?.kind, "candidate");
});

Deno.test("HeardServices tells of no more than 1000 hosts", () => {
  const services = heardServices();
  const told = Array.from({ length: 1500 }, (_, i) =>
    services.hear(
      INSTANCE,
      recordsOf("stable/arm64", { version: `${i}` }, {
        source: `10.0.${i >> 8}.${i & 255}`,
      }),
    ).length);
  assert.equal(told.filter((count) => count === 1).length, 1000);
});
