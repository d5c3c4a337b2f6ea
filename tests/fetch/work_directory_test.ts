import assert from "node:assert/strict";
import { join } from "node:path";
import { fetchDisk } from "../../lib/cli/fetch_disk.ts";
import { recoverImage, workPaths } from "../../lib/fetch/work_directory.ts";

Deno.test("workPaths() lie beside the image, under names that nobody offers", () => {
  assert.deepEqual(workPaths("/srv/stable/arm64/"), {
    present: "/srv/stable/arm64",
    parent: "/srv/stable",
    work: "/srv/stable/.arm64.fetch",
    next: "/srv/stable/.arm64.fetch/image",
    aside: "/srv/stable/.arm64.replaced",
  });
  assert.equal(workPaths("arm64").work, "./.arm64.fetch");
  assert.equal(workPaths("/arm64").work, "/.arm64.fetch");
});

Deno.test("recoverImage() puts back what was set aside, unless it is replaced", async () => {
  const root = await Deno.makeTempDir();
  const file = join(root, "arm64", "vmlinuz");
  const aside = join(root, ".arm64.replaced");
  try {
    const { present } = workPaths(join(root, "arm64"));
    await recoverImage(present, fetchDisk);
    await Deno.mkdir(aside);
    await Deno.writeTextFile(join(aside, "vmlinuz"), "old");
    await recoverImage(present, fetchDisk);
    assert.equal(await Deno.readTextFile(file), "old");
    await Deno.mkdir(aside);
    await recoverImage(present, fetchDisk);
    assert.equal(await Deno.readTextFile(file), "old");
    await assert.rejects(Deno.stat(aside), Deno.errors.NotFound);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
