import assert from "node:assert/strict";
import { hashedArtifact, servedImage } from "../../support/memory_catalog.ts";
import { errorOf, httpFixture, request } from "../../support/http_fixture.ts";

async function fixtureWithFiles() {
  const fixture = await httpFixture();
  const image = { channel: "stable", arch: "arm64" };
  const base = "/images/stable/arm64";
  const { fileSystem } = fixture;
  fileSystem.file(`${base}/kernel`, "no role")
    .file(`${base}/dtbs/ti/a+b.dtb`, "tree").file(`${base}/vmlinuz`, "role");
  const served = await servedImage(fileSystem, image, {
    kernel: `${base}/vmlinuz`,
    "./kernel": `${base}/kernel`,
  });
  const tree = await hashedArtifact(fileSystem, `${base}/dtbs/ti/a+b.dtb`);
  const artifacts = new Map(served.artifacts)
    .set("dtbs/ti/a+b.dtb", { ...tree, filename: "dtbs/ti/a+b.dtb" });
  for (let i = 0; i < 500; i++) {
    artifacts.set(`f/${i}`, { ...tree, filename: `f/${i}` });
  }
  fixture.catalog.set([{ ...served, artifacts }]);
  return { fixture, served };
}

for (
  const path of [
    "/stable/arm64/dtbs/ti/a+b.dtb",
    "/stable/arm64/dtbs/ti/a%2Bb.dtb",
    "/stable/aarch64/dtbs//ti/a%2bb.dtb",
    "/STABLE/ARM64/DTBS/TI/A+B.DTB",
  ]
) {
  Deno.test(`a file below is had by its path: ${path}`, async () => {
    const { fixture } = await fixtureWithFiles();
    const response = await request(fixture, path);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), "tree");
  });
}

Deno.test("the name of a role means the role, and the file of that name is had by its digest", async () => {
  const { fixture, served } = await fixtureWithFiles();
  const role = await request(fixture, "/stable/arm64/kernel");
  assert.equal(await role.text(), "role");
  const sha256 = served.artifacts.get("./kernel")?.sha256;
  const blob = await request(fixture, `/blobs/sha256/${sha256}`);
  assert.equal(await blob.text(), "no role");
});

for (
  const path of [
    "/stable/arm64/dtbs",
    "/stable/arm64/dtbs/ti",
    "/stable/arm64/dtbs/ti/../ti/a+b.dtb",
    "/stable/arm64/%2e%2e/arm64/vmlinuz",
    "/stable/arm64/dtbs/ti/a+b.dtb/vmlinuz",
    "/stable/arm64/%2Fetc%2Fpasswd",
    "/stable/arm64/dtbs%00/ti/a+b.dtb",
  ]
) {
  Deno.test(`nothing is at ${path}, and the answer is short`, async () => {
    const { fixture } = await fixtureWithFiles();
    const response = await request(fixture, path);
    assert.equal(response.status, 404);
    const error = await errorOf(response);
    assert.ok(error.length < 1000, error);
    assert.match(error, /stable\/arm64 has no .* more$/);
  });
}
