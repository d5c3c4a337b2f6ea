import assert from "node:assert/strict";
import { denoObstacle } from "../../lib/cli/require_deno.ts";

Deno.test("Deno before 2.8 is refused by its version, later ones are not", () => {
  for (const version of ["1.46.3", "2.0.0", "2.5.6", "2.7.14", "2.7.0-rc.1"]) {
    assert.match(
      denoObstacle(version) ?? "",
      new RegExp(`^This is Deno ${version}, and Deno 2.8 or later is needed`),
    );
  }
  for (const version of ["2.8.0", "2.8.0-rc.1", "2.10.1", "2.9.5", "3.0.0"]) {
    assert.equal(denoObstacle(version), undefined, version);
  }
});
