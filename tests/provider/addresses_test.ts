import assert from "node:assert/strict";
import type { InterfaceAddress } from "../../lib/net/interfaces.ts";
import {
  type AddressSettings,
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

const [ETH0, WLAN0] = ["192.0.2.7", "198.51.100.7"] as const;
/** Nobody on our links. */
const FAR = ["203.0.113.1", "203.0.113.2"] as const;

/** Where a provider says that it is, listening on everything by default. */
function outward(
  { settings = {}, all = ALL, peers = [], defaultRoute }: {
    readonly settings?: Partial<AddressSettings>;
    readonly all?: readonly InterfaceAddress[];
    readonly peers?: readonly (readonly [local: string, remote: string])[];
    readonly defaultRoute?: string;
  },
): string {
  return outwardAddress({ interfaces: [], ...settings }, all, {
    peers: peers.map(([localAddress, remoteAddress]) => ({
      localAddress,
      remoteAddress,
    })),
    defaultRoute,
  });
}

Deno.test("outwardAddress() is the address listened on, where it is one", () => {
  for (const bind of [ETH0, "2001:db8::7", "127.0.0.1"]) {
    assert.equal(
      outward({
        settings: { bind },
        peers: [[WLAN0, FAR[0]]],
        defaultRoute: WLAN0,
      }),
      bind,
    );
  }
});

Deno.test("outwardAddress() is where a connection with a peer beyond our links ends", () => {
  for (const bind of [undefined, "0.0.0.0", "::"]) {
    assert.equal(
      outward({
        settings: { bind },
        peers: [[ETH0, "192.0.2.8"], [WLAN0, FAR[0]]],
        defaultRoute: ETH0,
      }),
      WLAN0,
      "an own route leads to the DHT",
    );
  }
  const both = [[ETH0, FAR[0]], [WLAN0, FAR[1]]] as const;
  assert.equal(outward({ peers: both, defaultRoute: WLAN0 }), WLAN0);
  assert.equal(outward({ peers: both, defaultRoute: ETH0 }), ETH0);
  assert.equal(outward({ peers: both.toReversed() }), ETH0, "always the same");
});

Deno.test("outwardAddress() is where a peer on a link knows us while there is none beyond", () => {
  const near = [WLAN0, "198.51.100.8"] as const;
  assert.equal(outward({ peers: [near] }), WLAN0);
  assert.equal(outward({ peers: [near], defaultRoute: ETH0 }), WLAN0);
  const both = [[ETH0, "192.0.2.8"], near] as const;
  assert.equal(outward({ peers: both, defaultRoute: WLAN0 }), WLAN0);
  assert.equal(outward({ peers: both, defaultRoute: ETH0 }), ETH0);
});

Deno.test("outwardAddress() is that of the default route while there is no peer", () => {
  assert.equal(outward({ defaultRoute: WLAN0 }), WLAN0);
  const second = address("eth0", "192.0.2.77");
  assert.equal(
    outward({ all: [...ALL, second], defaultRoute: second.address }),
    second.address,
    "the second one of an interface",
  );
});

Deno.test("outwardAddress() learns nothing from nodes on this machine or its bridges", () => {
  for (
    const peer of [
      ["127.0.0.1", "127.0.0.1"],
      [ETH0, ETH0],
      ["172.17.0.1", "172.17.0.2"],
      ["2001:db8::7", "2001:db8:1::1"],
    ] as const
  ) {
    assert.equal(outward({ peers: [peer], defaultRoute: WLAN0 }), WLAN0);
  }
});

Deno.test("outwardAddress() keeps to the interfaces that were named", () => {
  const settings = { interfaces: ["eth0"] };
  assert.equal(
    outward({ settings, peers: [[WLAN0, FAR[0]]], defaultRoute: WLAN0 }),
    ETH0,
  );
});

Deno.test("outwardAddress() keeps to addresses that there are still", () => {
  const gone = "192.0.2.99";
  assert.equal(
    outward({ peers: [[gone, FAR[0]]], defaultRoute: gone }),
    ETH0,
  );
});

Deno.test("outwardAddress() is loopback where there is nothing else", () => {
  assert.equal(outward({ all: [] }), "127.0.0.1");
  assert.equal(outward({ all: ALL.slice(0, 2) }), "127.0.0.1");
});
