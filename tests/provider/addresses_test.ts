import assert from "node:assert/strict";
import type { InterfaceAddress } from "../../lib/net/interfaces.ts";
import {
  httpBaseUrl,
  httpListenAddress,
  listenAddress,
  outwardAddress,
} from "../../lib/provider/addresses.ts";

function address(
  interfaceName: string,
  text: string,
  prefixLength = 24,
): InterfaceAddress {
  return { interfaceName, address: text, prefixLength };
}

const ALL = [
  address("lo", "127.0.0.1", 8),
  address("lo", "::1", 128),
  address("eth0", "192.0.2.7"),
  address("eth0", "2001:db8::7", 64),
  address("wlan0", "198.51.100.7"),
  address("docker0", "172.17.0.1", 16),
];

/** As the kernel prints it: destination and mask in hex, the metric seventh. */
function routes(...lines: (readonly [string, string, number, string])[]) {
  return [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU",
    ...lines.map(([name, destination, metric, mask]) =>
      `${name}\t${destination}\t00000000\t0003\t0\t0\t${metric}\t${mask}\t0`
    ),
    "",
  ].join("\n");
}

const DEFAULT = "00000000";

Deno.test("listenAddress() takes every address, since they come and go", () => {
  assert.equal(listenAddress({ interfaces: [] }, ALL), "0.0.0.0");
  assert.equal(listenAddress({ interfaces: ["eth0"] }, ALL), "0.0.0.0");
  assert.equal(listenAddress({ interfaces: [] }, []), "0.0.0.0");
});

Deno.test("httpListenAddress() takes IPv6 along where a link that is used has any", () => {
  assert.equal(httpListenAddress({ interfaces: [] }, ALL), "::");
  assert.equal(httpListenAddress({ interfaces: ["eth0"] }, ALL), "::");
  assert.equal(httpListenAddress({ interfaces: ["wlan0"] }, ALL), "0.0.0.0");
  assert.equal(httpListenAddress({ interfaces: ["lo"] }, ALL), "127.0.0.1");
  const bind = "0.0.0.0";
  assert.equal(httpListenAddress({ bind, interfaces: [] }, ALL), bind);
  const linkLocal = [ALL[2], address("eth0", "fe80::7", 64)]
    .filter((a) => a !== undefined);
  assert.equal(httpListenAddress({ interfaces: [] }, linkLocal), "0.0.0.0");
});

Deno.test("listenAddress() stays on loopback when nothing else is to be used", () => {
  for (const interfaces of [["lo"], ["127.0.0.1"], ["lo", "127.0.0.1"]]) {
    assert.equal(listenAddress({ interfaces }, ALL), "127.0.0.1");
  }
  assert.equal(listenAddress({ interfaces: ["lo", "eth0"] }, ALL), "0.0.0.0");
});

Deno.test("listenAddress() does not take an unknown interface for loopback", () => {
  assert.equal(listenAddress({ interfaces: ["eth9"] }, ALL), "0.0.0.0");
});

Deno.test("listenAddress() does as it is told", () => {
  assert.equal(
    listenAddress({ bind: "192.0.2.7", interfaces: ["lo"] }, ALL),
    "192.0.2.7",
  );
});

Deno.test("outwardAddress() is the address listened on, where it is one", () => {
  for (const bind of ["192.0.2.7", "2001:db8::7", "127.0.0.1"]) {
    assert.equal(outwardAddress({ bind, interfaces: [] }, ALL, ""), bind);
  }
});

Deno.test("outwardAddress() is that of the default route with the lowest metric", () => {
  const table = routes(
    ["eth0", DEFAULT, 600, DEFAULT],
    ["eth0", "000200C0", 0, "00FFFFFF"],
    ["wlan0", DEFAULT, 100, DEFAULT],
  );
  for (const bind of [undefined, "0.0.0.0", "::"]) {
    assert.equal(
      outwardAddress({ bind, interfaces: [] }, ALL, table),
      "198.51.100.7",
    );
  }
});

Deno.test("outwardAddress() keeps to the interfaces that were named", () => {
  const table = routes(["wlan0", DEFAULT, 100, DEFAULT]);
  assert.equal(
    outwardAddress({ interfaces: ["eth0"] }, ALL, table),
    "192.0.2.7",
  );
});

Deno.test("outwardAddress() is the first outside address without a default route", () => {
  const halfOfTheWorld = routes(["wlan0", DEFAULT, 0, "00000080"]);
  for (const table of ["", "garbage\n\n \t", halfOfTheWorld]) {
    assert.equal(outwardAddress({ interfaces: [] }, ALL, table), "192.0.2.7");
  }
});

Deno.test("outwardAddress() is loopback where there is nothing else", () => {
  assert.equal(outwardAddress({ interfaces: [] }, [], ""), "127.0.0.1");
  assert.equal(
    outwardAddress({ interfaces: [] }, ALL.slice(0, 2), ""),
    "127.0.0.1",
  );
});

Deno.test("httpBaseUrl() puts IPv6 into brackets", () => {
  assert.equal(httpBaseUrl("192.0.2.7", 80), "http://192.0.2.7:80");
  assert.equal(httpBaseUrl("2001:db8::7", 8080), "http://[2001:db8::7]:8080");
  assert.ok(URL.canParse(httpBaseUrl("::1", 1)));
});
