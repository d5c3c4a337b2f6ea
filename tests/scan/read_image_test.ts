import assert from "node:assert/strict";
import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import { readImage, type ReadImageResult } from "../../lib/scan/read_image.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const DIR = "/srv/stable/arm64";

function read(fs: MemoryFileSystem): Promise<ReadImageResult> {
  return readImage({ image: IMAGE, directory: DIR, realRoot: "/srv" }, fs);
}

Deno.test("readImage() gives every file its role", async () => {
  const { files, warnings } = await read(
    new MemoryFileSystem()
      .file(`${DIR}/vmlinuz`).file(`${DIR}/initramfs.img`)
      .file(`${DIR}/rootfs.squashfs`).file(`${DIR}/b.dtb`)
      .file(`${DIR}/a.dtb`).file(`${DIR}/notes.txt`)
      .file(`${DIR}/cmdline`, "console=ttyS0\n  quiet\n")
      .file(`${DIR}/version`, "2026.11.22\n"),
  );
  assert.ok(files);
  assert.equal(files.kernel.filename, "vmlinuz");
  assert.equal(files.initramfs?.filename, "initramfs.img");
  assert.equal(files.rootfs?.filename, "rootfs.squashfs");
  assert.deepEqual(files.dtbs.map((d) => d.filename), ["a.dtb", "b.dtb"]);
  assert.equal(files.cmdline, "console=ttyS0 quiet");
  assert.equal(files.version, "2026.11.22");
  assert.deepEqual(warnings, []);
});

Deno.test("readImage() leaves out what phase_discover has made of an image that it fetched", async () => {
  const { files, warnings } = await read(
    new MemoryFileSystem()
      .file(`${DIR}/vmlinuz`).file(`${DIR}/initrd.img`)
      .file(`${DIR}/cmdline.resolved`, "quiet").file(`${DIR}/initrd.kexec`)
      .file(`${DIR}/below/initrd.kexec`),
  );
  assert.equal(files?.initramfs?.filename, "initrd.img");
  assert.deepEqual(files?.files.map((file) => file.filename), [
    "below/initrd.kexec",
  ]);
  assert.deepEqual(warnings, []);
});

for (
  const [names, expected] of [
    [["vmlinuz-6.12", "vmlinuz"], "vmlinuz"],
    [["vmlinuz-6.9", "vmlinuz-6.12", "vmlinuz-6.10"], "vmlinuz-6.12"],
    [["bzImage", "vmlinuz-6.1"], "vmlinuz-6.1"],
    [["Image", "bzImage"], "bzImage"],
    [["kernel", "Image"], "Image"],
    [["kernel"], "kernel"],
  ] as const
) {
  Deno.test(`readImage() of ${names.join(", ")} takes ${expected}`, async () => {
    const fs = new MemoryFileSystem();
    for (const name of names) fs.file(`${DIR}/${name}`);
    assert.equal((await read(fs)).files?.kernel.filename, expected);
  });
}

Deno.test("readImage() says which of several versions it took", async () => {
  const { warnings } = await read(
    new MemoryFileSystem().file(`${DIR}/vmlinuz-6.9`)
      .file(`${DIR}/vmlinuz-6.12`),
  );
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? "",
    /using "vmlinuz-6.12", ignoring "vmlinuz-6.9"/,
  );
});

Deno.test("readImage() of a directory without a kernel offers nothing", async () => {
  const fs = new MemoryFileSystem().file(`${DIR}/initramfs.img`);
  assert.equal((await read(fs)).files, undefined);
});

Deno.test("readImage() never takes dot files, partial files, FIFOs or directories", async () => {
  const fs = new MemoryFileSystem()
    .file(`${DIR}/.vmlinuz`).file(`${DIR}/vmlinuz.part`)
    .file(`${DIR}/vmlinuz-6.tmp`).file(`${DIR}/vmlinuz-6~`)
    .special(`${DIR}/bzImage`).directory(`${DIR}/vmlinuz`);
  const { files, warnings } = await read(fs);
  assert.equal(files, undefined);
  assert.equal(warnings.length, 5);
  assert.deepEqual(fs.opened, []);
});

Deno.test("readImage() passes over an empty kernel for a usable one", async () => {
  const { files, warnings } = await read(
    new MemoryFileSystem().file(`${DIR}/vmlinuz`, "").file(`${DIR}/Image`),
  );
  assert.equal(files?.kernel.filename, "Image");
  assert.match(warnings.join(), /"\/srv\/stable\/arm64\/vmlinuz": it is empty/);
});

Deno.test("readImage() passes over an unreadable kernel and names it", async () => {
  const fs = new MemoryFileSystem().file(`${DIR}/vmlinuz`)
    .setReadable(`${DIR}/vmlinuz`, false);
  const { files, warnings } = await read(fs);
  assert.equal(files, undefined);
  assert.match(warnings.join(), /vmlinuz": .*permission denied/);
});

Deno.test("readImage() follows a link inside the artifacts directory and keeps its name", async () => {
  const fs = new MemoryFileSystem().file("/srv/pool/vmlinuz-6.12")
    .link(`${DIR}/vmlinuz`, "../../pool/vmlinuz-6.12");
  const { files, warnings } = await read(fs);
  assert.equal(files?.kernel.filename, "vmlinuz");
  assert.equal(files?.kernel.path, "/srv/pool/vmlinuz-6.12");
  assert.deepEqual(warnings, []);
});

for (const target of ["/etc/shadow", "../../../etc/shadow", "/srvx/kernel"]) {
  Deno.test(`readImage() refuses a link to ${target}`, async () => {
    const fs = new MemoryFileSystem().file("/etc/shadow").file("/srvx/kernel")
      .link(`${DIR}/vmlinuz`, target);
    const { files, warnings } = await read(fs);
    assert.equal(files, undefined);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /outside "\/srv"/);
    assert.deepEqual(fs.opened, []);
  });
}

Deno.test("readImage() refuses an image directory that links elsewhere", async () => {
  const fs = new MemoryFileSystem().file("/other/vmlinuz")
    .directory("/srv/stable").link(DIR, "/other");
  const { files, warnings } = await read(fs);
  assert.equal(files, undefined);
  assert.match(warnings.join(), /outside "\/srv"/);
});

Deno.test("readImage() refuses links in a circle without hanging", async () => {
  const fs = new MemoryFileSystem().link(`${DIR}/vmlinuz`, "Image")
    .link(`${DIR}/Image`, "vmlinuz");
  const { files, warnings } = await read(fs);
  assert.equal(files, undefined);
  assert.equal(warnings.length, 2);
});

Deno.test("readImage() holds an image back whose cmdline is no text or of absurd size", async () => {
  for (const content of ["a\u0000b", "x".repeat(5000)]) {
    const { files, warnings } = await read(
      new MemoryFileSystem().file(`${DIR}/vmlinuz`)
        .file(`${DIR}/cmdline`, content),
    );
    assert.equal(files, undefined);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0] ?? "",
      /^Cannot offer stable\/arm64: "\/srv\/stable\/arm64\/cmdline": it is /,
    );
  }
});

Deno.test("readImage() ignores a device tree whose name needs quoting", async () => {
  const { files, warnings } = await read(
    new MemoryFileSystem().file(`${DIR}/vmlinuz`).file(`${DIR}/a b.dtb`),
  );
  assert.deepEqual(files?.dtbs, []);
  assert.equal(warnings.length, 1);
});

Deno.test("readImage() on a real disk does not wait for a FIFO named vmlinuz", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    const made = await new Deno.Command("mkfifo", {
      args: [join(root, "vmlinuz")],
    }).output();
    assert.ok(made.success);
    const { files, warnings } = await readImage(
      { image: IMAGE, directory: root, realRoot: root },
      disk,
    );
    assert.equal(files, undefined);
    assert.match(warnings.join(), /not a regular file/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("readImage() finds no kernel beside the signature of one", async () => {
  const { files } = await read(
    new MemoryFileSystem().file(`${DIR}/vmlinuz-6.12.sig`),
  );
  assert.equal(files, undefined);
});

Deno.test("readImage() does not ask which of a kernel and its backup is meant", async () => {
  const { files, warnings } = await read(
    new MemoryFileSystem().file(`${DIR}/vmlinuz-6.12`)
      .file(`${DIR}/vmlinuz-6.12.old`).file(`${DIR}/vmlinuz-6.12.sig`),
  );
  assert.equal(files?.kernel.filename, "vmlinuz-6.12");
  assert.deepEqual(warnings, []);
});

Deno.test("readImage() says once of each FIFO, socket or device that it is ignored, and opens none", async () => {
  const fs = new MemoryFileSystem().file(`${DIR}/vmlinuz`);
  const names = ["vmlinuz-9", "cmdline", "manifest.json", "note"];
  for (const name of names) fs.special(`${DIR}/${name}`);
  const { files, warnings } = await read(fs);
  assert.equal(files?.kernel.filename, "vmlinuz");
  assert.equal(files.cmdline, undefined);
  assert.equal(files.manifestPath, undefined);
  assert.deepEqual(
    warnings,
    names.toSorted().map((n) =>
      `Ignoring "${DIR}/${n}": it is not a regular file`
    ),
  );
  assert.deepEqual(fs.opened, [`${DIR}/vmlinuz`]);
});

Deno.test("readImage() takes every other file, those below too, and says what it leaves", async () => {
  const { files, warnings } = await read(
    new MemoryFileSystem().file(`${DIR}/vmlinuz`).file(`${DIR}/boot.img`)
      .file(`${DIR}/dtbs/ti/a.dtb`).file(`${DIR}/sub/empty`, "")
      .file(`${DIR}/sub/a b`).file(`${DIR}/.git/config`)
      .special(`${DIR}/sub/fifo`).link(`${DIR}/sub/out`, "/etc/passwd")
      .file("/etc/passwd").link(`${DIR}/sub/loop`, ".")
      .file(`${DIR}/version`, "1"),
  );
  assert.deepEqual(files?.files.map((f) => f.filename), [
    "boot.img",
    "sub/empty",
  ]);
  assert.deepEqual(files?.dtbs.map((f) => f.filename), ["dtbs/ti/a.dtb"]);
  for (const name of [".git", "sub/a b", "sub/fifo", "sub/out", "sub/loop"]) {
    const about = warnings.filter((w) =>
      w.startsWith(`Ignoring "${DIR}/${name}"`)
    );
    assert.equal(about.length, 1, name);
  }
  assert.equal(warnings.length, 5);
});

Deno.test("readImage() never takes private keys, named or not", async () => {
  const pem = (kind: string) => `-----BEGIN ${kind}-----\nAAAA\n`;
  const secrets = {
    "server.pem": pem("PRIVATE KEY"),
    "notes.txt": `my key:\n${pem("OPENSSH PRIVATE KEY")}`,
    "backup.asc": pem("PGP PRIVATE KEY BLOCK"),
    "age.txt": "# created\nAGE-SECRET-KEY-1QQQ",
    "wg0.conf": `[Interface]\nPrivateKey = ${"A".repeat(43)}=\n`,
    "boot.p12": "x",
    "id_ed25519": "x",
    "deep/db.key": "x",
  };
  for (const described of [false, true]) {
    const fs = new MemoryFileSystem().file(`${DIR}/vmlinuz`)
      .file(`${DIR}/cert.pem`, pem("CERTIFICATE"))
      .file(`${DIR}/id_ed25519.pub`);
    if (described) fs.file(`${DIR}/image.toml`, 'files = ["**"]');
    for (const [name, text] of Object.entries(secrets)) {
      fs.file(`${DIR}/${name}`, text);
    }
    fs.link(`${DIR}/innocent`, "deep/db.key");
    const { files, warnings } = await read(fs);
    assert.deepEqual(files?.files.map((f) => f.filename), [
      "cert.pem",
      "id_ed25519.pub",
    ]);
    for (const name of [...Object.keys(secrets), "innocent"]) {
      assert.equal(
        warnings.filter((w) => w.includes(`/${name}"`)).length,
        1,
        name,
      );
    }
  }
});

Deno.test("readImage() reads nothing of a state directory below the images", async () => {
  const fs = new MemoryFileSystem().file(`${DIR}/vmlinuz`)
    .file(`${DIR}/state/digests.json`);
  const { files, warnings } = await readImage({
    image: IMAGE,
    directory: DIR,
    realRoot: "/srv",
    ownDirectories: [`${DIR}/state`],
  }, fs);
  assert.deepEqual(files?.files, []);
  assert.match(warnings.join(), /state": it is part of the state directory/);
});

Deno.test("readImage() leaves out what a manifest cannot hold, and says so once", async () => {
  const fs = new MemoryFileSystem().file(`${DIR}/vmlinuz`);
  for (let i = 0; i < 1100; i++) fs.file(`${DIR}/sub/${i}.txt`);
  const { files, warnings } = await read(fs);
  assert.equal(files?.files.length, 1000);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /not part of its image.*files = \[/);
});

Deno.test("readImage() says what lies in a directory without a kernel, and what to do", async () => {
  const { files, warnings, unbootable } = await read(
    new MemoryFileSystem().file(`${DIR}/readme.txt`)
      .file(`${DIR}/firmware.bin`, "xxx").file(`${DIR}/initrd.img`, "xxxx"),
  );
  assert.equal(files, undefined);
  assert.deepEqual(unbootable, {
    names: ["firmware.bin", "initrd.img", "readme.txt"],
    count: 3,
    suggestion: ['kernel = "firmware.bin"'],
  });
  assert.deepEqual(warnings, [
    `"${DIR}" holds "firmware.bin", "initrd.img", "readme.txt", and no file that is named like a kernel; name the kernel in "${DIR}/image.toml": kernel = "firmware.bin"`,
  ]);
});

Deno.test("readImage() of a mounted Arch ISO names the kernel below", async () => {
  const below = `${DIR}/arch/boot/x86_64`;
  const { unbootable } = await read(
    new MemoryFileSystem().file(`${below}/vmlinuz-linux`)
      .file(`${below}/initramfs-linux.img`),
  );
  assert.deepEqual(unbootable?.suggestion, [
    'kernel = "arch/boot/x86_64/vmlinuz-linux"',
    'initramfs = "arch/boot/x86_64/initramfs-linux.img"',
  ]);
});

Deno.test("readImage() leaves the comments of a cmdline out", async () => {
  const { files } = await read(
    new MemoryFileSystem().file(`${DIR}/vmlinuz`).file(
      `${DIR}/cmdline`,
      "# for the serial console\nconsole=ttyS0\n  # not yet\nquiet a#b\n",
    ),
  );
  assert.equal(files?.cmdline, "console=ttyS0 quiet a#b");
});
