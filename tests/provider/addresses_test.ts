import assert from "node:assert/strict";
import type { InterfaceAddress } from "../../lib/net/interfaces.ts";
import {
  addressForReader,
  type AddressSettings,
  dhtListenAddresses,
  httpListenAddress,
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

Deno.test("httpListenAddress() takes every address of both families, since they come and go", () => {
  for (const interfaces of [[], ["eth0"], ["eth9"], ["!eth0"], ["fd00::9"]]) {
    for (const all of [ALL, []]) {
      assert.equal(httpListenAddress({ interfaces }, all, true), "::");
      assert.equal(httpListenAddress({ interfaces }, all, false), "0.0.0.0");
    }
  }
});

Deno.test("dhtListenAddresses() takes both families where there are both", () => {
  const both = { hasIpv6: true, isDualStack: true };
  const listen = (interfaces: string[], system = both) =>
    dhtListenAddresses({ interfaces }, ALL, system);
  const bound = (bind: string) =>
    dhtListenAddresses({ interfaces: [], bind }, ALL, both);
  assert.deepEqual(listen([]), ["::"]);
  assert.deepEqual(listen(["eth0"]), ["::"]);
  assert.deepEqual(listen([], { hasIpv6: true, isDualStack: false }), [
    "0.0.0.0",
    "::",
  ]);
  const none = { hasIpv6: false, isDualStack: false };
  assert.deepEqual(listen([], none), ["0.0.0.0"]);
  assert.deepEqual(listen(["lo"]), ["127.0.0.1"]);
  assert.deepEqual(bound("192.0.2.7"), ["192.0.2.7"]);
  assert.deepEqual(bound("::"), ["::"]);
});

Deno.test("httpListenAddress() stays on loopback when nothing else is to be used", () => {
  for (const interfaces of [["lo"], ["127.0.0.1"], ["lo", "127.0.0.1"]]) {
    assert.equal(httpListenAddress({ interfaces }, ALL, true), "127.0.0.1");
  }
  assert.equal(httpListenAddress({ interfaces: ["::1"] }, ALL, true), "::1");
  const interfaces = ["lo", "eth9"];
  assert.equal(
    httpListenAddress({ interfaces }, ALL, true),
    "::",
    "the other interface may come later",
  );
});

Deno.test("httpListenAddress() does as it is told", () => {
  for (const bind of ["192.0.2.7", "0.0.0.0"]) {
    assert.equal(
      httpListenAddress({ bind, interfaces: ["lo"] }, ALL, true),
      bind,
    );
  }
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

Deno.test("outwardAddress() is one of IPv6 only where there is nothing else, and HTTP answers on it", () => {
  const six = address("eth0", "2001:db8::7", 64);
  const settings = { interfaces: [six.address] };
  for (const named of [{ settings }, { all: [...ALL.slice(0, 2), six] }]) {
    assert.equal(outward({ ...named, defaultRoute: ETH0 }), six.address);
  }
  assert.equal(
    outward({ settings: { ...settings, bind: "0.0.0.0" } }),
    "127.0.0.1",
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

Deno.test("addressForReader() is of the family that the reader is connected by", () => {
  const told = (usual: string, localAddress: string, remoteAddress: string) =>
    addressForReader(usual, { localAddress, remoteAddress });
  const [four, six] = ["192.0.2.7", "2001:db8::7"];
  assert.equal(addressForReader(four, undefined), four);
  assert.equal(told(four, "198.51.100.7", "203.0.113.1"), four);
  assert.equal(told(four, six, "2001:db8:1::1"), six);
  assert.equal(told(six, four, "203.0.113.1"), four);
  assert.equal(told(four, "fd00::7", "fd00::8"), "fd00::7");
  // What means nothing in a URL, or is behind a router.
  assert.equal(told(four, "fe80::7", "fe80::8"), four);
  assert.equal(told(six, "192.168.0.7", "203.0.113.1"), six);
  assert.equal(told(six, "192.168.0.7", "192.168.0.8"), "192.168.0.7");
});
