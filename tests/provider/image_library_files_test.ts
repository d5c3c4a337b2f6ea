import assert from "node:assert/strict";
import {
  machine,
  openLibrary,
  own,
  owner,
  served,
  STABLE,
  warningsOf,
} from "../support/memory_library.ts";

const { signal } = new AbortController();

Deno.test("ImageLibrary serves every file by its path, a role before a file of its name", async () => {
  const parts = machine();
  parts.fileSystem.file(`${STABLE}/kernel`, "another")
    .file(`${STABLE}/dtbs/ti/a.dtb`, "tree").file(`${STABLE}/sub/boot.img`, "x")
    .file(`${STABLE}/initrd.img`, "rd").file(`${STABLE}/amd-ucode.img`, "cpu");
  const { artifacts, initrds } = await served(openLibrary(parts));
  assert.deepEqual([...artifacts.keys()], [
    "kernel",
    "initramfs",
    "dtbs/ti/a.dtb",
    "amd-ucode.img",
    "./kernel",
    "sub/boot.img",
  ]);
  assert.equal(artifacts.get("kernel")?.filename, "vmlinuz");
  assert.deepEqual(initrds, ["amd-ucode.img", "initrd.img"]);
  assert.deepEqual(warningsOf(parts.logger), []);
});

Deno.test("ImageLibrary offers an image with too many files to nobody, and says so once", async () => {
  const parts = machine();
  for (let i = 0; i < 2100; i++) {
    parts.fileSystem.file(`${STABLE}/dtbs/vendor/board-${i}.dtb`, `${i}`);
  }
  const library = openLibrary(parts);
  await library.refresh({ signal });
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  const warnings = warningsOf(parts.logger);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^Cannot offer stable\/arm64: .*1 MiB/);
});

Deno.test("ImageLibrary says at once that a boot script cannot say the cmdline", async () => {
  const parts = machine();
  parts.fileSystem.file(`${STABLE}/cmdline`, "console=ttyS0 a=${net0/mac}");
  await served(openLibrary(parts));
  const warnings = warningsOf(parts.logger);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? "",
    /cmdline of stable\/arm64 cannot be passed by iPXE: it holds "\$\{".*boot.ipxe/,
  );
});

Deno.test("ImageLibrary knows as long as an image stays what its boot scripts cannot say", async () => {
  const parts = machine();
  parts.fileSystem.file(`${STABLE}/cmdline`, "a=${net0/mac}");
  const library = openLibrary(parts);
  for (let look = 0; look < 2; look++) {
    await library.refresh({ signal });
    assert.equal(library.warnings.length, 1);
  }
  parts.fileSystem.file(`${STABLE}/cmdline`, "a=1");
  await library.refresh({ signal });
  assert.deepEqual(library.warnings, []);
});

Deno.test("ImageLibrary says at once that a cmdline names a file that is not there", async () => {
  const parts = machine();
  parts.fileSystem.file(`${STABLE}/cmdline`, "sum={sha256:roots} {url} {mac}");
  await served(openLibrary(parts));
  const warnings = warningsOf(parts.logger).join("\n");
  for (const [loader, file] of [["iPXE", "boot.ipxe"], ["GRUB", "grub.cfg"]]) {
    assert.ok(
      warnings.includes(
        `The cmdline of stable/arm64 cannot be passed by ${loader}: it holds {sha256:roots}, and the image has no such file; stable/arm64/${file} answers with this error`,
      ),
      warnings,
    );
  }
});

Deno.test("ImageLibrary holds an image back while a file does not match its checksum", async () => {
  const parts = machine();
  const sha256 = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode("whole"),
  );
  const hex = new Uint8Array(sha256).toHex();
  parts.fileSystem.file(`${STABLE}/image.toml`, 'checksums = "SHA256SUMS"')
    .file(`${STABLE}/SHA256SUMS`, `${hex}  rootfs.squashfs\n`)
    .file(`${STABLE}/rootfs.squashfs`, "who");
  const library = openLibrary(parts);
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  assert.match(
    warningsOf(parts.logger).join(),
    /Cannot offer stable\/arm64: "rootfs.squashfs" does not match its digest/,
  );
  parts.fileSystem.file(`${STABLE}/rootfs.squashfs`, "whole");
  const { artifacts } = await served(library);
  assert.equal(artifacts.get("rootfs")?.sha256, hex);
});

Deno.test("ImageLibrary signs anew what it was signing while other settings came", async () => {
  const parts = machine();
  const keys = [own, owner];
  const library = openLibrary(parts, {
    loadSigners() {
      const [key = owner] = keys.splice(0, 1);
      if (keys.length > 0) {
        const scan = { artifactsDir: "/images", channels: ["stable"] };
        library.configure(scan, { expiresDays: 30, loaders: undefined });
      }
      return Promise.resolve([key]);
    },
  });
  const signers = () =>
    library.images().flatMap(({ manifest }) => manifest.signedBy);
  await library.refresh({ signal });
  assert.deepEqual(signers(), [own.publicKey.keyId]);
  await library.look({ at: "changes", signal });
  assert.deepEqual(signers(), [owner.publicKey.keyId]);
});
