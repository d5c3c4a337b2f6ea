import assert from "node:assert/strict";
import { imageListing } from "../../../lib/http/artifacts/image_listing.ts";
import { httpFixture } from "../../support/http_fixture.ts";
import { MemoryCatalog } from "../../support/memory_catalog.ts";

Deno.test("imageListing() names each image and where its manifest is", async () => {
  const [first] = (await httpFixture()).catalog.images();
  assert.ok(first);
  assert.deepEqual(imageListing(new MemoryCatalog([first])), {
    images: [{
      channel: "stable",
      arch: "arm64",
      version: "2026.11.22",
      manifest: "/stable/arm64/manifest.json",
    }],
  });
});

Deno.test("imageListing() of nothing is an empty list", () => {
  assert.deepEqual(imageListing(new MemoryCatalog()), { images: [] });
});
