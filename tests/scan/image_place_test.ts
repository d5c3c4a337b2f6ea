import assert from "node:assert/strict";
import { imagePlace } from "../../lib/scan/image_place.ts";

const IMAGE = { channel: "stable", arch: "arm64" };

Deno.test("imagePlace() is the channel's own directory, or the one of all", () => {
  assert.equal(imagePlace({ artifactsDir: "/srv" }, IMAGE), "/srv");
  const channelSettings = new Map([["stable", { artifactsDir: "/own" }]]);
  assert.equal(
    imagePlace({ artifactsDir: "/srv", channelSettings }, IMAGE),
    "/own",
  );
});

Deno.test("imagePlace() is none for an image that is not looked for", () => {
  const artifactsDir = "/srv";
  assert.equal(imagePlace({ artifactsDir, channels: ["a"] }, IMAGE), undefined);
  const architectures = ["x86_64"];
  assert.equal(imagePlace({ artifactsDir, architectures }, IMAGE), undefined);
  const channelSettings = new Map([["stable", { architectures: ["arm64"] }]]);
  assert.equal(
    imagePlace({ artifactsDir, architectures, channelSettings }, IMAGE),
    artifactsDir,
  );
});
