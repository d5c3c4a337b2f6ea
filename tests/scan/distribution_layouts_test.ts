import assert from "node:assert/strict";
import { artifactFiles } from "../../lib/scan/digest.ts";
import { readImage } from "../../lib/scan/read_image.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { DISTRIBUTION_LAYOUTS } from "./distribution_layouts.ts";

const DIR = "/srv/stable/x86_64";

for (const [name, layout] of Object.entries(DISTRIBUTION_LAYOUTS)) {
  Deno.test(`readImage() takes what ${name} ships for what it is`, async () => {
    const fs = new MemoryFileSystem();
    for (const file of layout.files) fs.file(`${DIR}/${file}`, file);
    const { files, warnings } = await readImage({
      image: { channel: "stable", arch: "x86_64" },
      directory: DIR,
      realRoot: "/srv",
    }, fs);
    assert.equal(files?.kernel.filename, layout.kernel, warnings.join());
    if (files === undefined) {
      assert.match(warnings.join(), /holds .* kernel = "/);
      return;
    }
    const initrds = files.initrds.length > 0
      ? files.initrds
      : files.initramfs
      ? [files.initramfs.filename]
      : [];
    assert.deepEqual(initrds, layout.initramfs ?? []);
    assert.equal(files.initramfs?.filename, layout.initramfs?.at(-1));
    assert.equal(files.rootfs?.filename, layout.rootfs);
    // Every file is part of the image, or said to be none.
    const served = artifactFiles(files).map(({ filename }) => filename);
    const dropped = layout.files.filter((file) => !served.includes(file));
    for (const file of dropped) assert.ok(warnings.join().includes(file), file);
    assert.equal(new Set(served).size, served.length);
  });
}
