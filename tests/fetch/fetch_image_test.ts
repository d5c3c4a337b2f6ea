import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fetchDisk } from "../../lib/cli/fetch_disk.ts";
import {
  blobsOf,
  fileOf,
  openBlobServer,
  sha256Hex,
} from "../support/blob_server.ts";
import {
  FetchLab,
  promised,
  promisedPieces,
  seededBytes,
  sourceAt,
} from "../support/fetch_lab.ts";

const KIB = 1024;
const PIECE_BYTES = 64 * KIB;
const KERNEL = seededBytes(300 * KIB, 1);
const INITRAMFS = seededBytes(500 * KIB + 1, 2);
const ROOTFS = seededBytes(20 * PIECE_BYTES + 777, 3);
const { file: rootfs, list: LIST } = promisedPieces(
  "rootfs.img",
  ROOTFS,
  PIECE_BYTES,
);
const kernel = promised("vmlinuz", KERNEL);
const initramfs = promised("initrd.img", INITRAMFS);
const ALL = blobsOf(KERNEL, INITRAMFS, ROOTFS, LIST);

Deno.test("fetchImage() puts all files into place together, and leaves nothing beside", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const fetched = await lab.fetch({
    files: [kernel, { ...initramfs, path: "deep/er/initrd.img" }, rootfs],
    extras: [
      { name: "manifest.json", bytes: new Uint8Array([1]) },
      { name: "initrd.kexec", joined: ["vmlinuz", "deep/er/initrd.img"] },
    ],
    sources: [sourceAt(server)],
    onEvent: () => assert.ok(!existsSync(lab.directory)),
  });
  const receivedBytes = KERNEL.length + INITRAMFS.length + ROOTFS.length +
    LIST.length;
  assert.deepEqual(fetched, {
    ok: true,
    value: { isChanged: true, receivedBytes },
  });
  assert.ok(await lab.has("vmlinuz", KERNEL));
  assert.ok(await lab.has("deep/er/initrd.img", INITRAMFS));
  assert.ok(await lab.has("rootfs.img", ROOTFS));
  const joined = await lab.read("initrd.kexec");
  assert.equal(sha256Hex(joined.subarray(KERNEL.length)), initramfs.sha256);
  assert.deepEqual(await lab.around(), ["arm64"]);
  const kinds = lab.events.flatMap((event) =>
    "path" in event && event.path === "rootfs.img" ? [event.kind] : []
  );
  assert.equal(kinds[0], "started");
  assert.equal(kinds.at(-1), "verified");
});

Deno.test("fetchImage() asks for nothing that is there and matches", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const files = [kernel, initramfs, rootfs];
  const sources = [sourceAt(server)];
  const extras = [
    { name: "manifest.json", bytes: new Uint8Array([1]) },
    { name: "initrd.kexec", joined: ["vmlinuz", "initrd.img"] },
  ];
  await lab.fetch({ files, extras, sources });
  const before = await Deno.stat(join(lab.directory, "vmlinuz"));
  const asked = server.requests.length;

  const again = await lab.fetch({ files, extras, sources });
  const nothing = { isChanged: false, receivedBytes: 0 };
  assert.deepEqual(again, { ok: true, value: nothing });
  assert.deepEqual(lab.events.map(({ kind }) => kind), [
    "kept",
    "kept",
    "kept",
  ]);

  // A manifest that was renewed: nothing else is touched.
  const renewed = [
    { name: "manifest.json", bytes: new Uint8Array([2]) },
    ...extras.slice(1),
  ];
  assert.ok((await lab.fetch({ files, extras: renewed, sources })).ok);
  assert.deepEqual(await lab.read("manifest.json"), new Uint8Array([2]));
  const after = await Deno.stat(join(lab.directory, "vmlinuz"));
  assert.deepEqual(after.ctime, before.ctime);
  assert.equal(server.requests.length, asked);
  assert.deepEqual(await lab.around(), ["arm64"]);

  // What was spoiled on disk is fetched, and nothing else.
  const bytes = KERNEL.slice();
  bytes[7] = (bytes[7] ?? 0) ^ 1;
  await Deno.writeFile(join(lab.directory, "vmlinuz"), bytes);
  await Deno.writeTextFile(join(lab.directory, "initrd.kexec"), "spoiled");
  assert.ok((await lab.fetch({ files, extras, sources })).ok);
  assert.ok(await lab.has("vmlinuz", KERNEL));
  const joined = await lab.read("initrd.kexec");
  assert.equal(sha256Hex(joined.subarray(KERNEL.length)), initramfs.sha256);
  assert.equal(server.requests.length, asked + 1);
});

Deno.test("fetchImage() replaces an image by the next, with what both have", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const sources = [sourceAt(server)];
  await lab.fetch({
    files: [{ ...kernel, path: "old/vmlinuz" }, initramfs],
    sources,
  });
  const { ino } = await Deno.stat(join(lab.directory, "initrd.img"));
  const fetched = await lab.fetch({
    files: [kernel, initramfs, { ...kernel, path: "old" }],
    sources,
    onEvent: () => assert.ok(existsSync(join(lab.directory, "old/vmlinuz"))),
  });
  assert.ok(fetched.ok);
  assert.equal((await Deno.stat(join(lab.directory, "initrd.img"))).ino, ino);
  assert.ok(await lab.has("vmlinuz", KERNEL));
  // Two names of one content: it came once.
  assert.ok(await lab.has("old", KERNEL));
  assert.equal(fetched.value.receivedBytes, KERNEL.length);
  assert.deepEqual(await lab.around(), ["arm64"]);
});

Deno.test("fetchImage() takes an empty file for what it is", async () => {
  await using lab = await FetchLab.open();
  const nobody = { url: new URL("http://127.0.0.1:1") };
  const empty = promised("empty", new Uint8Array());
  const fetched = await lab.fetch({
    files: [empty],
    sources: [sourceAt(nobody)],
  });
  assert.ok(fetched.ok);
  assert.equal((await lab.read("empty")).length, 0);
});

Deno.test("fetchImage() leaves files alone that it has not fetched", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  await Deno.mkdir(lab.directory, { recursive: true });
  await Deno.writeTextFile(join(lab.directory, "vmlinuz"), "my own");
  const refused = await lab.fetch({
    files: [kernel],
    sources: [sourceAt(server)],
  });
  assert.ok(!refused.ok);
  assert.equal(refused.reason.kind, "disk");
  assert.match(
    refused.reason.message,
    /arm64" holds files but no manifest/,
  );
  assert.equal(new TextDecoder().decode(await lab.read("vmlinuz")), "my own");
});

Deno.test("fetchImage() touches neither a link in the place of its directory nor what it leads to", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const options = { files: [kernel], sources: [sourceAt(server)] };
  // As a mirror has it, with an older manifest.
  const name = ".arm64@1-aaaaaaaaaaaaaaaa";
  const release = join(lab.directory, "..", name);
  await Deno.mkdir(release, { recursive: true });
  await Deno.writeFile(join(release, "vmlinuz"), KERNEL);
  await Deno.writeTextFile(join(release, "manifest.json"), "older");
  await Deno.symlink(name, lab.directory);
  const before = await Deno.stat(join(release, "vmlinuz"));
  const isRefused = async () => {
    const refused = await lab.fetch(options);
    assert.ok(!refused.ok);
    assert.equal(refused.reason.kind, "disk");
    assert.match(
      refused.reason.message,
      /arm64" is a symbolic link, .*name another/,
    );
  };

  await isRefused();

  assert.equal(await Deno.readLink(lab.directory), name);
  assert.deepEqual(await lab.around(), [name, "arm64"]);
  const after = await Deno.stat(join(release, "vmlinuz"));
  // With a second name it would count as changed, and be read anew.
  assert.deepEqual([after.ctime, after.nlink], [before.ctime, 1]);
  const manifest = await Deno.readTextFile(join(release, "manifest.json"));
  assert.equal(manifest, "older");

  // To nowhere, as when what it leads to is not mounted.
  await Deno.remove(release, { recursive: true });
  await isRefused();
  await Deno.remove(lab.directory);
  assert.ok((await lab.fetch(options)).ok);
});

Deno.test("fetchImage() is for one program at a time", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const options = { files: [kernel], sources: [sourceAt(server)] };
  using _lock = await fetchDisk.lockDirectory(
    join(lab.directory, "..", ".arm64.fetch"),
  );
  const refused = await lab.fetch(options);
  assert.ok(!refused.ok);
  assert.match(refused.reason.message, /^Another program is fetching into "/);
});

Deno.test("fetchImage() finds a file by its URLs where there are no blobs", async () => {
  await using server = openBlobServer({
    files: new Map([
      ["/stable/arm64/vmlinuz", fileOf(KERNEL)],
      ["/stable/arm64/rootfs.img", fileOf(ROOTFS)],
    ]),
  });
  await using lab = await FetchLab.open();
  const fetched = await lab.fetch({
    files: [
      { ...kernel, urls: ["http://127.0.0.1:1/x", "other", "vmlinuz"] },
      // Its list is nowhere to be had: it is verified as a whole.
      { ...rootfs, urls: ["rootfs.img"] },
    ],
    sources: [sourceAt(server)],
  });
  assert.ok(fetched.ok, JSON.stringify(fetched));
  assert.ok(await lab.has("rootfs.img", ROOTFS));
});

Deno.test("fetchImage() says that nobody has a file any more", async () => {
  await using one = openBlobServer({ files: blobsOf(KERNEL) });
  await using other = openBlobServer({ files: blobsOf(KERNEL, LIST) });
  await using lab = await FetchLab.open();
  const failed = await lab.fetch({
    files: [kernel, rootfs],
    sources: [sourceAt(one, "one"), sourceAt(other, "other")],
  });
  assert.ok(!failed.ok);
  assert.equal(failed.reason.kind, "gone");
  assert.equal(
    failed.reason.message,
    'No provider has "rootfs.img" (one: answered 404; other: answered 404): fetch the manifest again, since the image may have been replaced',
  );
  await assert.rejects(Deno.stat(lab.directory), Deno.errors.NotFound);
});

/** As far as a program comes that is killed between two renames. */
function setPresentAside(
  { present, aside }: { readonly present: string; readonly aside: string },
): void {
  Deno.renameSync(present, aside);
}

Deno.test("fetchImage() goes on after a kill at any step of putting files into place", async () => {
  await using server = openBlobServer({ files: ALL });
  const sources = [sourceAt(server)];
  const steps = ["replaceDirectory", "syncDirectory", "removeTree"] as const;
  for (const step of steps) {
    for (let count = 1; count <= 3; count++) {
      await using lab = await FetchLab.open();
      await lab.fetch({ files: [initramfs], sources });
      const asked = server.requests.length;
      let left = count;
      const killed = lab.fetch({
        files: [kernel, initramfs],
        sources,
        disk: {
          ...fetchDisk,
          [step](argument: never) {
            if (--left > 0) return fetchDisk[step](argument);
            if (step === "replaceDirectory") setPresentAside(argument);
            throw new TypeError("killed");
          },
        },
      });
      await killed.catch((error) => assert.equal(error.message, "killed"));
      const fetched = await lab.fetch({ files: [kernel, initramfs], sources });
      assert.ok(fetched.ok, `${step} ${count}`);
      assert.ok(await lab.has("vmlinuz", KERNEL));
      assert.ok(await lab.has("initrd.img", INITRAMFS));
      assert.deepEqual(await lab.around(), ["arm64"]);
      assert.equal(server.requests.length, asked + 1, `${step} ${count}`);
    }
  }
});

Deno.test("fetchImage() removes what an earlier fetch has left of another image", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const work = join(lab.directory, "..", ".arm64.fetch");
  await Deno.mkdir(work, { recursive: true });
  const old = `${"0".repeat(64)}.part`;
  await Deno.writeTextFile(join(work, old), "old");
  await Deno.writeFile(
    join(work, `${sha256Hex(KERNEL)}.part`),
    KERNEL.subarray(0, 1000),
  );
  const controller = new AbortController();
  const stopped = await lab.fetch({
    files: [kernel],
    sources: [sourceAt(server)],
    onEvent({ kind }) {
      if (kind === "resumed") controller.abort(new Error("enough"));
    },
  }, controller);
  assert.ok(!stopped.ok);
  assert.equal(stopped.reason.kind, "aborted");
  assert.match(stopped.reason.message, /enough/);
  const left = (await fetchDisk.list(work)).map(({ name }) => name);
  assert.deepEqual(left, [`${sha256Hex(KERNEL)}.part`]);
});
