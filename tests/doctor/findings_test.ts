import assert from "node:assert/strict";
import { findingsFrom } from "../../lib/doctor/findings.ts";
import type {
  HttpOutcome,
  LinkView,
  Observations,
} from "../../lib/doctor/observations.ts";
import {
  addressOn,
  E0,
  FROM_NEIGHBOUR,
  HEALTHY,
  HEALTHY_HOST,
  instanceAt,
  PROVIDER,
  REACHED_NODE,
} from "../support/doctor_observations.ts";

const MANIFEST = "/stable/arm64/manifest.json";
const OK: HttpOutcome = { kind: "served" };

function codes(seen: Observations): string[] {
  return findingsFrom(seen).map(({ code, where }) => `${code} ${where.join()}`);
}

/** The healthy host with another view of its link. */
function onLink(view: Partial<LinkView>, seen = HEALTHY): Observations {
  return {
    ...seen,
    links: seen.links.map((link) => ({ ...link, ...view })),
  };
}

/** The healthy host, with what its provider says of itself changed. */
function saying(
  provider: Partial<typeof PROVIDER>,
  more: Partial<Observations> = {},
): Observations {
  return {
    ...HEALTHY,
    ...more,
    provider: { ...HEALTHY.provider, ...provider },
  };
}

/** What became of the manifest at addresses of the provider. */
function probed(outcomes: Record<string, HttpOutcome>) {
  return {
    probes: new Map(
      Object.entries(outcomes)
        .map(([host, outcome]) => [`http://${host}${MANIFEST}`, outcome]),
    ),
  };
}

Deno.test("findingsFrom() has nothing to say of a healthy host, seen from itself or a neighbour", () => {
  assert.deepEqual(findingsFrom(HEALTHY), []);
  assert.deepEqual(findingsFrom(FROM_NEIGHBOUR), []);
});

Deno.test("findingsFrom() names what is in the way of multicast, and no consequence of it", () => {
  const lost = { isOwnCopyHeard: false, heard: [] };
  const trouble = { isPortHeld: true, message: "EADDRINUSE" };
  assert.deepEqual(codes(onLink({ ...lost, trouble })), [
    "mdns_port_held e0 10.77.0.1",
  ]);
  assert.deepEqual(
    codes(onLink({ ...lost, trouble: { ...trouble, isPortHeld: false } })),
    ["multicast_not_sent e0 10.77.0.1"],
  );
  assert.deepEqual(codes(onLink(lost)), ["multicast_dropped e0 10.77.0.1"]);
});

Deno.test("findingsFrom() tells of another machine nothing that is its own trouble", () => {
  const lost = { isOwnCopyHeard: false, heard: [] };
  const trouble = { isPortHeld: true, message: "EADDRINUSE" };
  assert.deepEqual(codes(onLink({ ...lost, trouble }, FROM_NEIGHBOUR)), []);
});

Deno.test("findingsFrom() says the same of several links once", () => {
  const e1 = {
    ...E0,
    interfaceName: "e1",
    addresses: [addressOn("e1", "10.78.0.1")],
  };
  const lost = { isOwnCopyHeard: false, heard: [] };
  const seen = {
    ...HEALTHY,
    links: [{ link: E0, ...lost }, { link: e1, ...lost }],
    ...probed({ "10.77.0.1:8080": OK, "10.78.0.1:8080": OK }),
  };
  assert.deepEqual(codes(seen), [
    "multicast_dropped e0 10.77.0.1,e1 10.78.0.1",
  ]);
});

Deno.test("findingsFrom() tells HTTP that is bound elsewhere from HTTP that does not answer", () => {
  const refused = probed({ "10.77.0.1:8080": { kind: "refused" } });
  const bound = (address: string) => ({ http: { address, port: 8080 } });
  const silent = { links: [{ link: E0, isOwnCopyHeard: true, heard: [] }] };
  assert.deepEqual(
    codes(saying(bound("127.0.0.1"), { ...refused, ...silent })),
    ["http_bound_elsewhere e0 10.77.0.1"],
  );
  for (const address of ["0.0.0.0", "::", "10.77.0.1"]) {
    assert.deepEqual(codes(saying(bound(address), refused)), [
      `http_no_answer http://10.77.0.1:8080${MANIFEST}`,
    ]);
  }
  const busy = probed({
    "10.77.0.1:8080": { kind: "answered", reason: "answered 503" },
  });
  assert.deepEqual(
    findingsFrom({ ...HEALTHY, ...busy }).map(({ nextStep }) => nextStep),
    ["the log of plasmd says why"],
  );
});

Deno.test("findingsFrom() takes an address of the same subnet for enough, and of another subnet not", () => {
  const addresses = ["10.77.0.1", "10.77.0.2", "10.78.0.1"]
    .map((address) => addressOn("e0", address));
  const refused = { kind: "refused" } as const;
  assert.deepEqual(
    codes(saying({ http: { address: "10.77.0.1", port: 8080 } }, {
      addresses,
      links: [{
        link: { ...E0, addresses },
        isOwnCopyHeard: true,
        heard: [instanceAt("10.77.0.1")],
      }],
      ...probed({
        "10.77.0.1:8080": OK,
        "10.77.0.2:8080": refused,
        "10.78.0.1:8080": refused,
      }),
    })),
    ["http_bound_elsewhere e0 10.78.0.1"],
  );
});

Deno.test("findingsFrom() tells that IPv6 came too late for a socket of IPv4", () => {
  const addresses = [addressOn("e0", "fd77::1")];
  const [finding] = findingsFrom({
    ...HEALTHY,
    links: [{
      link: { interfaceName: "e0", family: 6, addresses },
      isOwnCopyHeard: true,
      heard: [],
    }],
    ...probed({ "[fd77::1]:8080": { kind: "refused" } }),
  });
  assert.equal(finding?.code, "http_bound_elsewhere");
  assert.match(finding?.nextStep ?? "", /^restart plasmd/);
});

Deno.test("findingsFrom() names what is not heard, and what the provider says of it", () => {
  const cases = [
    [{ state: "established" }, /though the provider says that it answers/],
    [{ state: "probing" }, /still claiming its names/],
    [{ state: "idle" }, /nothing to say there/],
    [{ state: "failed", reason: "address is gone" }, /address is gone/],
  ] as const;
  const unheard = { links: [{ link: E0, isOwnCopyHeard: true, heard: [] }] };
  for (const [state, says] of cases) {
    const link = { interface: "e0", address: "10.77.0.1", ...state };
    const mdns = { interfaces: [], links: [link] };
    const [finding] = findingsFrom(saying({ mdns }, unheard));
    assert.equal(finding?.code, "not_announced");
    assert.match(finding?.cause ?? "", says);
  }
  const away = onLink({ heard: [] }, FROM_NEIGHBOUR);
  assert.deepEqual(codes(away), ["not_heard e0 10.77.0.9"]);
});

Deno.test("findingsFrom() does not take a neighbour's image for the provider's", () => {
  for (
    const heard of [
      instanceAt("10.77.0.7"),
      instanceAt("10.77.0.1", { port: 8081 }),
      instanceAt("10.77.0.1", { addresses: [] }),
      instanceAt("10.77.0.1", { txt: [] }),
    ]
  ) {
    assert.deepEqual(codes(onLink({ heard: [heard] })), [
      "not_announced e0 10.77.0.1",
    ]);
  }
});

/** The host tells its clients another place. */
function told(origin: string, outcome: HttpOutcome, seen = HEALTHY) {
  const txt = ["channel=stable", "arch=arm64", `manifest=${origin}${MANIFEST}`]
    .map((text) => new TextEncoder().encode(text));
  return {
    ...onLink({ heard: [instanceAt("10.77.0.1", { txt })] }, seen),
    probes: new Map([...seen.probes, [`${origin}${MANIFEST}`, outcome]]),
  };
}

Deno.test("findingsFrom() tells an address that is off the link by whom it belongs to and what it answers", () => {
  const other = "http://10.78.0.1:8080";
  assert.deepEqual(codes(told(other, { kind: "silent" })), [
    "address_off_link e0 10.77.0.1",
  ]);
  assert.deepEqual(codes(told(other, OK)), []);
  const own = { ...told(other, OK) };
  const addresses = [...own.addresses, addressOn("e1", "10.78.0.1")];
  assert.deepEqual(codes({ ...own, addresses }), [
    "address_off_link e0 10.77.0.1",
  ]);
  // From there it was fetched as a client does.
  assert.deepEqual(codes(told(other, OK, FROM_NEIGHBOUR)), []);
});

Deno.test("findingsFrom() tells that what clients are told does not answer", () => {
  assert.deepEqual(codes(told("http://10.77.0.2:1", { kind: "refused" })), [
    "url_no_answer e0 10.77.0.1",
  ]);
  const failed = { kind: "failed", reason: "no such host" } as const;
  const [finding] = findingsFrom(told("https://boot.invalid", failed));
  assert.equal(finding?.code, "url_no_answer");
  assert.match(finding?.cause ?? "", /no such host/);
});

Deno.test("findingsFrom() tells of loopback alone, unless it was asked for", () => {
  const lo = { interface: "lo", address: "127.0.0.1", state: "established" };
  const mdns = (interfaces: string[], links: object[]) =>
    JSON.parse(JSON.stringify({ interfaces, links }));
  const nowhere = { links: [] };
  assert.deepEqual(
    codes(saying({ mdns: mdns([], [lo]) }, {
      ...nowhere,
      passedOver: [{
        interfaceName: "docker0",
        addresses: ["172.17.0.1"],
        reason: "it leads to containers",
      }],
    })),
    ["no_lan_address http://127.0.0.1:8080"],
  );
  const none = { ...nowhere, addresses: [] };
  assert.deepEqual(codes(saying({ mdns: mdns([], []) }, none)), [
    "no_lan_address http://127.0.0.1:8080",
  ]);
  // It has just been started.
  assert.deepEqual(codes(saying({ mdns: mdns([], []) }, nowhere)), []);
  assert.deepEqual(codes(saying({ mdns: mdns(["lo"], [lo]) }, nowhere)), []);
  assert.deepEqual(codes(saying({ mdns: mdns(["nope0"], []) }, nowhere)), [
    "no_such_interface nope0",
  ]);
  // What is left out asks for nothing.
  assert.deepEqual(codes(saying({ mdns: mdns(["!e0"], [lo]) }, nowhere)), [
    "no_lan_address http://127.0.0.1:8080",
  ]);
});

Deno.test("findingsFrom() tells that there is nothing to be found, nothing that clients take, and that nobody is told", () => {
  const [nothing] = findingsFrom(
    saying({ images: [], missing: ["stable/arm64"] }, {
      probes: new Map([["http://10.77.0.1:8080/status", OK]]),
    }),
  );
  assert.equal(nothing?.code, "nothing_served");
  assert.match(nothing?.cause ?? "", /stable\/arm64 missing/);
  assert.deepEqual(codes(saying({ expired: ["stable/arm64"] })), [
    "expired http://127.0.0.1:8080",
  ]);
  const off = { links: [] };
  assert.deepEqual(codes(saying({ mdns: null }, off)), [
    "nothing_advertised http://127.0.0.1:8080",
  ]);
  assert.deepEqual(codes(saying({ mdns: null, dht: REACHED_NODE }, off)), []);
});

Deno.test("findingsFrom() tells a neighbour whose manifest is not served", () => {
  const { probes: _, ...seen } = FROM_NEIGHBOUR;
  const busy = probed({
    "10.77.0.1:8080": { kind: "answered", reason: "answered 503" },
  });
  const [finding] = findingsFrom({ ...seen, ...busy });
  assert.equal(finding?.code, "http_no_answer");
});

Deno.test("findingsFrom() tells a firewall from a provider that is not there by what mDNS has", () => {
  const gone = (outcome: HttpOutcome, seen: Observations): Observations => ({
    ...seen,
    provider: undefined,
    attempts: seen.attempts.map(({ url }) => ({ url, outcome })),
  });
  const unheard = onLink({ heard: [] }, FROM_NEIGHBOUR);
  for (
    const [outcome, heard, says] of [
      [{ kind: "silent" }, true, /a firewall drops TCP port 8080/],
      [{ kind: "refused" }, true, /a firewall rejects TCP port 8080/],
      [{ kind: "failed", reason: "no route" }, true, /no route: a firewall/],
      [{ kind: "silent" }, false, /the host is off or elsewhere/],
      [{ kind: "answered", reason: "404" }, false, /another program/],
      [{ kind: "refused" }, false, /no plasmd serves there, or it listens/],
    ] as const
  ) {
    const [finding, ...others] = findingsFrom(
      gone(outcome, heard ? FROM_NEIGHBOUR : unheard),
    );
    assert.equal(finding?.code, heard ? "http_blocked" : "no_provider");
    assert.match(finding?.cause ?? "", says);
    assert.deepEqual(others, []);
  }
  // What answers is not blocked.
  const older = gone({ kind: "answered", reason: "404" }, FROM_NEIGHBOUR);
  assert.equal(findingsFrom(older)[0]?.code, "no_provider");
  // Here a port that is taken is the provider's own then.
  const taken = { name: "TCP port 8080", problem: "taken" } as const;
  const host = { ...HEALTHY_HOST, ports: [taken] };
  assert.deepEqual(codes({ ...gone({ kind: "silent" }, HEALTHY), host }), [
    "http_blocked http://127.0.0.1:8080",
  ]);
  const state = { ...host.state, path: "/state", freeBytes: 1e9 };
  const hung = {
    ...gone({ kind: "silent" }, onLink({ heard: [] })),
    host: {
      ...host,
      state: { ...state, isOpenToOthers: false, isLocked: true },
    },
  };
  assert.deepEqual(codes(hung), ["no_provider http://127.0.0.1:8080"]);
  // Another port is another provider.
  const other = onLink({ heard: [instanceAt("10.77.0.1", { port: 1 })] });
  assert.equal(
    findingsFrom(gone({ kind: "refused" }, other))[0]?.code,
    "no_provider",
  );
});

Deno.test("findingsFrom() names what keeps an image from being offered, and not that nothing is served", () => {
  const provider = {
    images: [],
    missing: ["stable/arm64", "testing/arm64"],
    warnings: ['"/srv/stable/aarch64" holds "SHA256SUMS", and no kernel'],
  };
  const probes = new Map([["http://10.77.0.1:8080/status", OK]]);
  assert.deepEqual(codes(saying(provider, { probes, links: [] })), [
    "image_not_offered stable/arm64",
  ]);
});

Deno.test("findingsFrom() leaves out that nobody answers where it cannot be started", () => {
  const down: Observations = {
    ...onLink({ heard: [] }),
    provider: undefined,
    attempts: HEALTHY.attempts.map(({ url }) => ({
      url,
      outcome: { kind: "refused" },
    })),
  };
  const host = { ...HEALTHY_HOST, ports: [] };
  assert.deepEqual(codes({ ...down, host }).map((line) => line.split(" ")[0]), [
    "no_provider",
  ]);
  const ports = [{ name: "TCP port 8080", problem: "taken" as const }];
  assert.deepEqual(codes({ ...down, host: { ...host, ports } }), [
    "port_taken TCP port 8080",
  ]);
});
