import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressBytes,
  addressText,
  httpBaseUrl,
  isLinkLocal6,
  isPrivateAddress,
  isPublicAddress,
  isPublicMultiaddr,
  samePrefix,
  unmappedAddress,
} from "../../lib/net/ip_address.ts";

Deno.test("addressBytes() gives back the bytes that addressText() wrote", () => {
  for (const length of [4, 16]) {
    const bytes = fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(fc.property(bytes, (bytes) => {
      assert.deepEqual(addressBytes(addressText(bytes)), bytes);
    }));
  }
});

Deno.test("addressText() writes IPv6 as RFC 5952 has it", () => {
  for (
    const [long, short] of [
      ["0:0:0:0:0:0:0:0", "::"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["fd77:0:0:0:0:0:0:1", "fd77::1"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
      ["FE80:0:0:0:1:0:0:0", "fe80::1:0:0:0"],
      ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ] as const
  ) {
    const bytes = addressBytes(long);
    assert.ok(bytes, long);
    assert.equal(addressText(bytes), short);
  }
});

Deno.test("addressBytes() refuses what is no address", () => {
  for (
    const text of [
      "",
      "1.2.3",
      "1.2.3.256",
      "1.2.3.04",
      "1.2.3.4.5",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8",
      "fffff::",
      "g::",
      "fe80::1%eth0",
      "local",
    ]
  ) assert.equal(addressBytes(text), undefined, text);
});

Deno.test("samePrefix() compares as many bits as it is told", () => {
  const a = Uint8Array.of(10, 0, 0b1010_0000, 1);
  const b = Uint8Array.of(10, 0, 0b1011_0000, 2);
  assert.ok(samePrefix(a, b, 0));
  assert.ok(samePrefix(a, b, 19));
  assert.ok(!samePrefix(a, b, 20));
  assert.ok(!samePrefix(a, b, 32));
  assert.ok(samePrefix(a, a, 32));
  assert.ok(!samePrefix(a, new Uint8Array(16), 0), "families differ");
});

Deno.test("isLinkLocal6() knows fe80::/10", () => {
  const of = (text: string) =>
    isLinkLocal6(addressBytes(text) ?? assert.fail());
  assert.ok(of("fe80::1"));
  assert.ok(of("febf::1"));
  assert.ok(!of("fec0::1"));
  assert.ok(!of("fd00::1"));
  assert.ok(!of("169.254.0.1"));
});

Deno.test("isPublicAddress() knows both ends of each prefix that is not", () => {
  const isPublic = (text: string) =>
    isPublicAddress(addressBytes(text) ?? assert.fail(text));
  const ranges = [
    ["0.0.0.0", "0.255.255.255"],
    ["10.0.0.0", "10.255.255.255"],
    ["100.64.0.0", "100.127.255.255"],
    ["127.0.0.0", "127.255.255.255"],
    ["169.254.0.0", "169.254.255.255"],
    ["172.16.0.0", "172.31.255.255"],
    ["192.168.0.0", "192.168.255.255"],
    ["224.0.0.0", "255.255.255.255"],
    ["::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["::ffff:10.0.0.0", "::ffff:10.255.255.255"],
  ];
  for (const text of ranges.flat()) assert.equal(isPublic(text), false, text);
  const besides = [
    ["1.0.0.0", "9.255.255.255", "11.0.0.0"],
    ["100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"],
    ["169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"],
    ["192.167.255.255", "192.169.0.0", "223.255.255.255"],
    ["2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["::ffff:9.255.255.255", "::ffff:11.0.0.0"],
  ];
  for (const text of besides.flat()) assert.equal(isPublic(text), true, text);
  assert.equal(isPublicAddress(new Uint8Array()), false);
});

Deno.test("isPrivateAddress() leaves names alone, and reads zones", () => {
  for (const text of ["10.0.0.1", "::1", "fd00::1", "fe80::1%eth0"]) {
    assert.equal(isPrivateAddress(text), true, text);
  }
  for (const text of ["203.0.113.7", "2001:db8::1", "10.example.org", ""]) {
    assert.equal(isPrivateAddress(text), false, text);
  }
});

Deno.test("httpBaseUrl() puts IPv6 into brackets", () => {
  assert.equal(httpBaseUrl("192.0.2.7", 80), "http://192.0.2.7:80");
  assert.equal(httpBaseUrl("2001:db8::7", 8080), "http://[2001:db8::7]:8080");
  assert.ok(URL.canParse(httpBaseUrl("::1", 1)));
});

for (
  const [text, own] of [
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["::1", "::1"],
    ["::ffff:0:c000:201", "::ffff:0:c000:201"],
    ["no address", "no address"],
  ] as const
) {
  Deno.test(`unmappedAddress() of ${text} is ${own}`, () => {
    assert.equal(unmappedAddress(text), own);
  });
}

Deno.test("isPublicMultiaddr() tells what leads out of a private network", () => {
  for (
    const [multiaddr, isPublic] of [
      ["/ip4/1.2.3.4/tcp/4001", true],
      ["/ip4/10.0.0.1/tcp/4001", false],
      ["/ip6/2001:db8::1/tcp/4001/p2p/12D3KooW", true],
      ["/ip6/fd00::1/tcp/4001", false],
      ["/dnsaddr/bootstrap.libp2p.io", true],
      ["/dns4/localhost/tcp/4001", false],
      ["/dns4/rack.local/tcp/4001", false],
    ] as const
  ) assert.equal(isPublicMultiaddr(multiaddr), isPublic, multiaddr);
});
