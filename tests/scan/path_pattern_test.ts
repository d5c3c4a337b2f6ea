import assert from "node:assert/strict";
import { pathPattern } from "../../lib/scan/path_pattern.ts";

for (
  const [pattern, path, isMatch] of [
    ["a.img", "a.img", true],
    ["a.img", "aximg", false],
    ["a.img", "b/a.img", false],
    ["*.img", "a.img", true],
    ["*.img", "b/a.img", false],
    ["a?", "ab", true],
    ["a?", "a/", false],
    ["dtbs/**", "dtbs/ti/a.dtb", true],
    ["dtbs/**", "dtbs", false],
    ["**", "a/b", true],
    ["**/*.dtb", "a.dtb", true],
    ["**/*.dtb", "x/y/a.dtb", true],
    ["x/**/a", "x/a", true],
    ["x/**/a", "xa", false],
    ["(a|b)+[c]", "(a|b)+[c]", true],
  ] as const
) {
  Deno.test(`pathPattern(${pattern}) ${isMatch ? "takes" : "leaves"} ${path}`, () => {
    assert.equal(pathPattern(pattern).test(path), isMatch);
  });
}
