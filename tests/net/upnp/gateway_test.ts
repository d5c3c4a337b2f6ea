import fc from "fast-check";
import assert from "node:assert/strict";
import {
  addPortMapping,
  deletePortMapping,
  getExternalAddress,
  openGateway,
  parseDescription,
  parseSearchAnswer,
} from "../../../lib/net/upnp/gateway.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { DESCRIPTION, FakeRouter } from "../../support/fake_router.ts";

const LOCATION = new URL("http://192.168.1.1:5000/rootDesc.xml");
const ANSWER = [
  "HTTP/1.1 200 OK",
  "CACHE-CONTROL: max-age=120",
  "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "Location:  http://192.168.1.1:5000/rootDesc.xml ",
  "",
  "",
].join("\r\n");

function open(): {
  router: FakeRouter;
  calls: Parameters<typeof openGateway>[1];
} {
  const router = new FakeRouter();
  const { signal } = new AbortController();
  const calls = { fetch: router.fetch, clock: new FakeClock(), signal };
  return { router, calls };
}

Deno.test("parseSearchAnswer() reads where the router describes itself", () => {
  const location = parseSearchAnswer(ANSWER, "192.168.1.1");
  assert.deepEqual(location, { ok: true, value: LOCATION });
});

Deno.test("parseSearchAnswer() refuses who sends this machine elsewhere", () => {
  assert.deepEqual(parseSearchAnswer(ANSWER, "192.168.1.66"), {
    ok: false,
    reason: "it names 192.168.1.1 instead of itself",
  });
});

Deno.test("parseSearchAnswer() refuses what is no answer", () => {
  for (
    const text of [
      "",
      "HTTP/1.1 404 Not Found\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nLOCATION: file:///etc/passwd\r\n\r\n",
      "HTTP/1.1 200 OK\r\nLOCATION: ???\r\n\r\n",
      "NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
    ]
  ) assert.equal(parseSearchAnswer(text, "192.168.1.1").ok, false, text);
  fc.assert(fc.property(fc.string(), (text) => {
    parseSearchAnswer(`HTTP/1.1 200 OK\r\n${text}`, "192.168.1.1");
  }));
});

Deno.test("parseDescription() finds the service that maps ports", () => {
  assert.deepEqual(parseDescription(DESCRIPTION, LOCATION), {
    ok: true,
    value: {
      controlUrl: new URL("http://192.168.1.1:5000/ctl/IPConn"),
      serviceType: "urn:schemas-upnp-org:service:WANIPConnection:1",
    },
  });
});

Deno.test("parseDescription() is not led to another host", () => {
  const xml = DESCRIPTION.replace("/ctl/IPConn", "http://10.0.0.1/ctl");
  assert.equal(parseDescription(xml, LOCATION).ok, false);
  fc.assert(fc.property(fc.string(), (text) => {
    parseDescription(`<service>${text}</service>`, LOCATION);
  }));
});

for (
  const [what, xml] of [
    ["<service>", "<service>".repeat(29_000)],
    [
      "<serviceType",
      `<service>${"<serviceType ".repeat(20_000)}</service>`,
    ],
    ["blanks", `<service><serviceType>${" ".repeat(260_000)}</service>`],
  ] as const
) {
  Deno.test(`parseDescription() refuses 256 KiB of ${what} at once`, () => {
    const startMs = performance.now();
    assert.equal(parseDescription(xml, LOCATION).ok, false);
    // A few on a machine with nothing else to do.
    assert.ok(performance.now() - startMs < 1000);
  });
}

Deno.test("a port is mapped and taken back", async () => {
  const { router, calls } = open();
  const service = await openGateway(router.location, calls);
  assert.ok(service.ok);
  assert.deepEqual(await getExternalAddress(service.value, calls), {
    ok: true,
    value: "203.0.113.7",
  });
  const mapping = {
    port: 8080,
    internalAddress: "192.168.1.20",
    description: "a <b> & c",
    leaseSeconds: 3600,
  };
  assert.ok((await addPortMapping(service.value, mapping, calls)).ok);
  assert.deepEqual([...router.mappings], [
    [8080, { to: "192.168.1.20", leaseSeconds: 3600 }],
  ]);
  assert.ok((await deletePortMapping(service.value, 8080, calls)).ok);
  assert.equal(router.mappings.size, 0);
});

Deno.test("a router without leases gets a permanent mapping", async () => {
  const { router, calls } = open();
  router.knowsLeases = false;
  const service = await openGateway(router.location, calls);
  assert.ok(service.ok);
  const added = await addPortMapping(service.value, {
    port: 8080,
    internalAddress: "192.168.1.20",
    description: "x",
    leaseSeconds: 3600,
  }, calls);
  assert.ok(added.ok);
  assert.equal(router.mappings.get(8080)?.leaseSeconds, 0);
});

Deno.test("a router behind another router is of no use", async () => {
  const { router, calls } = open();
  const service = await openGateway(router.location, calls);
  assert.ok(service.ok);
  for (
    const address of [
      "10.0.0.2",
      "100.64.0.1",
      "100.127.255.254",
      "127.0.0.1",
      "169.254.1.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.0.2",
      "0.0.0.0",
      "",
      "nonsense",
    ]
  ) {
    router.externalAddress = address;
    const result = await getExternalAddress(service.value, calls);
    assert.equal(result.ok, false, address);
  }
  for (const address of ["100.128.0.1", "172.32.0.1", "198.51.100.1"]) {
    router.externalAddress = address;
    assert.ok((await getExternalAddress(service.value, calls)).ok, address);
  }
});

Deno.test("the router's refusal is told in its words", async () => {
  const { router, calls } = open();
  router.taken.add(8080);
  const service = await openGateway(router.location, calls);
  assert.ok(service.ok);
  const added = await addPortMapping(service.value, {
    port: 8080,
    internalAddress: "192.168.1.20",
    description: "x",
    leaseSeconds: 3600,
  }, calls);
  assert.deepEqual(added, {
    ok: false,
    reason: "the router refuses: ConflictInMappingEntry (718)",
  });
});

Deno.test("an endless description is not read to its end", async () => {
  const { calls } = open();
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(new Uint8Array(65536)),
  });
  const result = await openGateway(LOCATION, {
    ...calls,
    fetch: () => Promise.resolve(new Response(endless)),
  });
  assert.equal(result.ok, false);
  if (!result.ok) assert.match(result.reason, /too long/);
});
