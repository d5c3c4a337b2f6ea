import assert from "node:assert/strict";
import { checksumProblem } from "../../lib/scan/checksums.ts";
import { digestFile, hashImage } from "../../lib/scan/digest.ts";
import { readImage, type ReadImageResult } from "../../lib/scan/read_image.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const DIR = "/srv/stable/arm64";
const signal = new AbortController().signal;
/** SHA-256 of "abc" (FIPS 180-2, appendix B.1). */
const SHA256_OF_ABC =
  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

function read(
  toml: string,
  files: Readonly<Record<string, string>>,
): Promise<ReadImageResult> {
  const fs = new MemoryFileSystem().file(`${DIR}/image.toml`, toml);
  for (const [name, text] of Object.entries(files)) {
    fs.file(`${DIR}/${name}`, text);
  }
  return readImage({
    image: { channel: "stable", arch: "arm64" },
    directory: DIR,
    realRoot: "/srv",
  }, fs);
}

Deno.test("readImage() follows image.toml instead of names", async () => {
  const { files, choices, warnings } = await read(
    `
    kernel = "boot/linux.bin"
    initramfs = ["early/intel-ucode.img", "boot/rd.bin", "boot/overlay.bin"]
    rootfs = "live/system.img"
    dtbs = ["boot/**/*.dtb"]
    files = ["*.raw.xz"]
    cmdline = "quiet"
    version = "7"
    `,
    {
      "vmlinuz": "x",
      "boot/linux.bin": "x",
      "boot/rd.bin": "x",
      "boot/overlay.bin": "x",
      "early/intel-ucode.img": "x",
      "live/system.img": "x",
      "boot/dtbs/ti/a.dtb": "x",
      "other/b.dtb": "x",
      "disk.raw.xz": "x",
      "cmdline": "not this",
    },
  );
  assert.deepEqual(warnings, []);
  assert.equal(files?.kernel.filename, "boot/linux.bin");
  assert.equal(files.initramfs?.filename, "boot/rd.bin");
  assert.deepEqual(files.initrds, [
    "early/intel-ucode.img",
    "boot/rd.bin",
    "boot/overlay.bin",
  ]);
  assert.equal(files.rootfs?.filename, "live/system.img");
  assert.deepEqual(files.dtbs.map((f) => f.filename), ["boot/dtbs/ti/a.dtb"]);
  assert.deepEqual(files.files.map((f) => f.filename), [
    "boot/overlay.bin",
    "disk.raw.xz",
    "early/intel-ucode.img",
  ]);
  assert.equal(files.cmdline, "quiet");
  assert.equal(files.version, "7");
  assert.equal(choices[0]?.why, "by image.toml");
});

Deno.test("readImage() decides by name what image.toml leaves open", async () => {
  const { files } = await read('kernel = "vmlinuz-6.1"\nfiles = []', {
    "vmlinuz-6.1": "x",
    "vmlinuz-6.12": "x",
    "initrd.img-6.1": "x",
    "initrd.img-6.12": "x",
    "rootfs.squashfs": "x",
    "notes": "x",
  });
  assert.equal(files?.initramfs?.filename, "initrd.img-6.1");
  assert.equal(files.rootfs?.filename, "rootfs.squashfs");
  assert.deepEqual(files.files, []);
});

for (
  const [toml, problem] of [
    [
      'kernel = "bzImage"',
      '"/srv/stable/arm64/image.toml" names "bzImage", which does not exist',
    ],
    ['rootfs = "empty"', 'names "empty", which is empty'],
    ['initramfs = ["a", "initrd.img"]', 'names "a", which does not exist'],
    ['files = ["*.raw.xz"]', 'names "*.raw.xz", which matches nothing'],
    ['dtbs = ["empty"]', 'names "empty" as a device tree'],
    ['checksums = "SUMS"', 'names "SUMS", which does not exist'],
    [
      'checksums = "initrd.img"',
      'its line 1 is not a SHA-256 digest and a name: "x"',
    ],
    [
      '\nkernal = "vmlinuz"',
      'image.toml" line 2 column 1: unknown key "kernal", did you mean "kernel"?',
    ],
    [
      "kernel = 1",
      'line 1 column 10: "kernel" must be a path below the directory, such as "vmlinuz"',
    ],
    ['kernel = "../vmlinuz"', '"kernel" must be a path below'],
    ['files = ["/etc/passwd"]', '"files" must be a list of paths below'],
    ['cmdline = """a\nb"""', '"cmdline" must be one line of text'],
    ['kernel = "a', "line 1 column"],
    ['kernel = "secret"', '"/srv/stable/arm64/secret" holds a private key'],
  ] as const
) {
  Deno.test(`readImage() holds the image back for ${JSON.stringify(toml)}`, async () => {
    const { files, warnings } = await read(toml, {
      "vmlinuz": "x",
      "initrd.img": "x",
      "empty": "",
      "secret": "-----BEGIN PRIVATE KEY-----",
    });
    assert.equal(files, undefined);
    const cannot = warnings.filter((w) =>
      w.startsWith("Cannot offer stable/arm64: ")
    );
    assert.equal(cannot.length, 1, warnings.join("\n"));
    assert.ok(cannot.join().includes(problem), cannot.join());
  });
}

for (
  const [sums, isGood] of [
    [`${SHA256_OF_ABC}  vmlinuz\n`, true],
    [`# of today\n${SHA256_OF_ABC.toUpperCase()} *./vmlinuz\r\n`, true],
    [`SHA256 (vmlinuz) = ${SHA256_OF_ABC}\n`, true],
    [`${SHA256_OF_ABC}  not-there\n`, true],
    [`${SHA256_OF_ABC}  vmlinuz\n${"0".repeat(64)}  initrd.img\n`, false],
  ] as const
) {
  Deno.test(`checksumProblem() after ${JSON.stringify(sums)} finds ${isGood ? "none" : "one"}`, async () => {
    const fs = new MemoryFileSystem()
      .file(`${DIR}/image.toml`, 'checksums = "SHA256SUMS"')
      .file(`${DIR}/SHA256SUMS`, sums)
      .file(`${DIR}/vmlinuz`, "abc").file(`${DIR}/initrd.img`, "abc");
    const { files, warnings } = await readImage({
      image: { channel: "stable", arch: "arm64" },
      directory: DIR,
      realRoot: "/srv",
    }, fs);
    assert.ok(files, warnings.join());
    const hashed = await hashImage(
      files,
      (file) => digestFile(file, fs, { signal }),
    );
    const problem = checksumProblem(hashed);
    if (isGood) assert.equal(problem, undefined);
    else {assert.match(
        problem ?? "",
        /"initrd.img" does not match its digest in "SHA256SUMS"/,
      );}
  });
}
