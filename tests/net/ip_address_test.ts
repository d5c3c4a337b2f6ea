import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressBytes,
  addressText,
  isLinkLocal6,
  samePrefix,
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
