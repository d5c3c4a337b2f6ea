import assert from "node:assert/strict";
import { isArtifactPath, isRolePath } from "../../lib/core/artifact_path.ts";

Deno.test("isArtifactPath() takes what is safe below any directory, and isRolePath() what a boot script can name", () => {
  for (
    const [path, isSafe, fitsScripts] of [
      ["vmlinuz-6.12+deb_1", true, true],
      ["dtbs/ti/a.dtb", true, true],
      ["_a,b=c@d~e", true, false],
      ["a b", false, false],
      ["", false, false],
      ["/vmlinuz", false, false],
      ["a/../b", false, false],
      [".hidden", false, false],
      ["a/.hidden/b", false, false],
      ["manifest.json", false, false],
      ["a/manifest.json", true, true],
      ["vmlinuz.PART", false, false],
      ["a.tmp/b", false, false],
      ["vmlinuz~", false, false],
      ["a".repeat(255), true, true],
      ["a".repeat(256), false, false],
      [`${"a/".repeat(255)}aa`, true, true],
      [`${"a/".repeat(255)}aaa`, false, false],
    ] as const
  ) {
    assert.equal(isArtifactPath(path), isSafe, path);
    assert.equal(isRolePath(path), fitsScripts, path);
  }
});
