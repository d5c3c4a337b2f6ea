import assert from "node:assert/strict";
import { isHost } from "../../../lib/net/http1/host.ts";

for (
  const host of [
    "",
    "a",
    "boot.example",
    "Boot_1.example.:8080",
    "10.0.0.1",
    "10.0.0.1:8080",
    "a:",
    "%C3%A9.example:80",
    "!$&'()*+,;=~-",
    "[::1]",
    "[2001:DB8::7]:8080",
    "[::ffff:10.0.0.1]",
    "[v1.a:b]",
  ]
) {
  Deno.test(`isHost() takes ${JSON.stringify(host)}`, () => {
    assert.equal(isHost(host), true);
  });
}

for (
  const host of [
    "a b",
    "a/b",
    "http://a",
    "a?b",
    "a#b",
    "a@b",
    "user:password@a",
    "a:b",
    "a:b:c",
    "a:80:80",
    "a:-1",
    ":80",
    "::1",
    "2001:db8::7",
    "[::1",
    "::1]",
    "[]",
    "[a]",
    "[10.0.0.1]",
    "[::1]a",
    "[::1]:b",
    "[[::1]]",
    "[fe80::1%eth0]",
    "[1::2::3]",
    "[v1.]",
    "%%%",
    "%C",
    "a,b c",
    "a\t",
    "<a>",
    '"a"',
    "a\\b",
    "\xc3\xa9",
    "a, b",
  ]
) {
  Deno.test(`isHost() refuses ${JSON.stringify(host)}`, () => {
    assert.equal(isHost(host), false);
  });
}

Deno.test("isHost() of 32 kB takes no time", () => {
  const startMs = performance.now();
  for (const part of ["a", "%aa", "a.", "[", "1:", "[::", "v1."]) {
    assert.equal(isHost(`${part.repeat(32_000 / part.length)}\0`), false);
  }
  // A few on a machine with nothing else to do.
  assert.ok(performance.now() - startMs < 500);
});
