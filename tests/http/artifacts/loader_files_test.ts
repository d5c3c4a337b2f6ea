import assert from "node:assert/strict";
import { SystemLimitError } from "../../../lib/core/file_system.ts";
import { loaderWarnings } from "../../../lib/http/artifacts/loader_files.ts";
import { createHandler } from "../../../lib/http/create_handler.ts";
import {
  errorOf,
  httpFixture,
  request,
  silentProvider,
} from "../../support/http_fixture.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";
import { sha256Hex } from "../../support/memory_catalog.ts";

/** Begins as a PE image: `MZ`, and at 0x3c where `PE` is. */
function program(content: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(
    `MZ${"\0".repeat(62)}PE\0\0${content}`,
  );
  bytes[0x3c] = 64;
  return bytes;
}

/** A provider with boot loaders, and a way to ask it for one. */
async function openLoaders(loaders: string | undefined = "/loaders") {
  const { catalog, fileSystem, clock, logger } = await httpFixture();
  fileSystem.file("/loaders/snponly.efi", program("iPXE"))
    .file("/loaders/undionly.kpxe", "iPXE for BIOS")
    .file("/loaders/arm64/snponly.efi", program("for arm64"));
  const settings = { loaders, stateDir: "/loaders/state" };
  const handler = createHandler({
    catalog,
    fileSystem,
    clock,
    logger,
    status: silentProvider,
    loaders: () => settings,
  });
  const get = (name: string, init?: RequestInit) =>
    request({ handler }, `/boot/${name}`, init);
  return { get, fileSystem, settings, clock, logger, catalog };
}

Deno.test("/boot/NAME is a boot loader as it lies in the directory, with the type that firmware wants", async () => {
  const { get, fileSystem } = await openLoaders();
  for (
    const [name, mediaType, content] of [
      ["snponly.efi", "application/efi", program("iPXE")],
      ["arm64/snponly.efi", "application/efi", program("for arm64")],
      ["arm64%2Fsnponly.efi", "application/efi", program("for arm64")],
      [
        "undionly.kpxe",
        "application/octet-stream",
        new TextEncoder().encode("iPXE for BIOS"),
      ],
    ] as const
  ) {
    const response = await get(name);
    assert.equal(response.status, 200, name);
    assert.equal(response.headers.get("content-type"), mediaType);
    assert.equal(response.headers.get("content-length"), `${content.length}`);
    assert.equal(response.headers.get("etag"), `"${await sha256Hex(content)}"`);
    assert.deepEqual(await response.bytes(), content);
  }
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("a boot loader is had by HEAD, in ranges and under conditions", async () => {
  const { get } = await openLoaders();
  const head = await get("undionly.kpxe", { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), "13");
  assert.equal(head.body, null);
  const range = await get("undionly.kpxe", { headers: { range: "bytes=5-7" } });
  assert.equal(range.status, 206);
  assert.equal(range.headers.get("content-range"), "bytes 5-7/13");
  assert.equal(await range.text(), "for");
  const etag = head.headers.get("etag") ?? "";
  const known = await get("undionly.kpxe", {
    headers: { "if-none-match": etag },
  });
  assert.equal(known.status, 304);
});

Deno.test("a boot loader that was replaced is sent as it is now, and read once until it changes again", async () => {
  const { get, fileSystem } = await openLoaders();
  assert.equal(await (await get("undionly.kpxe")).text(), "iPXE for BIOS");
  fileSystem.file("/loaders/undionly.kpxe", "a newer one");
  for (const times of [2, 1, 1]) {
    fileSystem.readBytes = 0;
    const response = await get("undionly.kpxe");
    assert.equal(await response.text(), "a newer one");
    // Where it is new, once to look for a private key, and once for its digest.
    const expected = times === 2 ? 3 : 1;
    assert.equal(fileSystem.readBytes, expected * "a newer one".length);
  }
});

Deno.test("a boot loader on another squashfs of the same times is sent as it is now", async () => {
  const { get, fileSystem } = await openLoaders();
  fileSystem.kinds.set("/loaders", 0x73717368);
  assert.equal(await (await get("undionly.kpxe")).text(), "iPXE for BIOS");
  fileSystem.overwrite(
    "/loaders/undionly.kpxe",
    "GRUB for BIOS",
    "2026-11-22T10:00:00Z",
  );
  const response = await get("undionly.kpxe");
  const body = await response.bytes();
  assert.equal(new TextDecoder().decode(body), "GRUB for BIOS");
  assert.equal(response.headers.get("etag"), `"${await sha256Hex(body)}"`);
});

Deno.test("a boot loader that is not there is 404 and says which are", async () => {
  const { get } = await openLoaders();
  const response = await get("grubx64.efi");
  assert.equal(response.status, 404);
  assert.equal(
    await errorOf(response),
    'Boot loader "grubx64.efi" is not here; there are snponly.efi, undionly.kpxe, arm64/snponly.efi',
  );
});

Deno.test("a 404 names 20 boot loaders, and lists the directory once in two seconds", async () => {
  const { get, fileSystem, clock } = await openLoaders("/many");
  for (let i = 10; i < 40; i++) fileSystem.file(`/many/${i}.efi`, "x");
  const said = async () => await errorOf(await get("none.efi"));
  assert.match(await said(), /there are 10\.efi, .*, 29\.efi and 10 more$/);
  fileSystem.opened.length = 0;
  assert.match(await said(), / and 10 more$/);
  assert.deepEqual(fileSystem.opened, []);
  fileSystem.remove("/many/39.efi");
  await clock.advance(2000);
  assert.match(await said(), / and 9 more$/);
});

Deno.test("without a directory of boot loaders, a client hears how to have one", async () => {
  const { get } = await openLoaders("");
  assert.equal((await get("snponly.efi")).status, 404);
  const fixture = await httpFixture();
  const response = await request(fixture, "/boot/snponly.efi");
  assert.equal(response.status, 404);
  assert.match(
    await errorOf(response),
    /names no directory for them, such as loaders = "\/usr\/lib\/ipxe" in \[pxe\]/,
  );
});

Deno.test("the directory of boot loaders is the one that the settings name at the moment", async () => {
  const { get, fileSystem, settings } = await openLoaders();
  fileSystem.file("/other/snponly.efi", "another");
  assert.equal((await get("snponly.efi")).status, 200);
  assert.match(await errorOf(await get("x.efi")), /undionly/);
  settings.loaders = "/other";
  assert.match(await errorOf(await get("x.efi")), /there are snponly.efi$/);
  assert.equal(await (await get("snponly.efi")).text(), "another");
  settings.loaders = "/nowhere";
  const response = await get("snponly.efi");
  assert.equal(response.status, 404);
  assert.match(await errorOf(response), /cannot read its directory/);
});

for (
  const name of [
    "..",
    "../srv/stable/arm64/vmlinuz",
    "%2e%2e/srv/stable/arm64/vmlinuz",
    "arm64/../snponly.efi",
    "arm64/%2e%2e/snponly.efi",
    ".hidden",
    "arm64",
    "%2floaders%2fsnponly.efi",
    "snponly.efi%00",
    "snponly.efi%0a",
    "%",
    "%c0%ae%c0%ae",
    "SNPONLY.EFI",
    "half.efi.part",
    "pipe",
    "away.efi",
    "away/passwd",
    "broken.efi",
    "round.efi",
    "state/identity",
    "of-state.efi",
    "empty.efi",
    "key.pem",
    "id_ed25519",
    "secret.efi",
    "unreadable.efi",
    `${"a".repeat(300)}.efi`,
    "a/".repeat(2000) + "a",
  ]
) {
  const shown = name.length > 60 ? `${name.slice(0, 60)}...` : name;
  Deno.test(`GET /boot/${shown} is 404, and waits for nobody`, async () => {
    const { get, fileSystem, logger } = await openLoaders();
    fileSystem.special("/loaders/pipe").file("/etc/passwd", "root:x")
      .file("/loaders/.hidden", "x").file("/loaders/half.efi.part", "x")
      .link("/loaders/away.efi", "/etc/passwd").link("/loaders/away", "/etc")
      .link("/loaders/broken.efi", "nothing")
      .link("/loaders/round.efi", "round.efi")
      .file("/loaders/state/identity", "x").file("/loaders/empty.efi", "")
      .link("/loaders/of-state.efi", "state/identity")
      .file("/loaders/id_ed25519", "x")
      .file("/loaders/key.pem", "-----BEGIN PRIVATE KEY-----\nx")
      .file("/loaders/server.key", "x")
      .link("/loaders/secret.efi", "server.key")
      .file("/loaders/unreadable.efi", "x")
      .setReadable("/loaders/unreadable.efi", false);
    const response = await get(name);
    assert.equal(response.status, 404);
    const error = await errorOf(response);
    assert.match(
      error,
      /^Boot loader ".{0,200}" is (not here|empty); there are/,
    );
    assert.ok(error.length < 1000);
    const [, present = ""] = error.split("; there are ");
    assert.equal(present, "snponly.efi, undionly.kpxe, arm64/snponly.efi");
    assert.deepEqual(logger.lines, []);
    assert.equal(fileSystem.openCount, 0);
  });
}

Deno.test("a link within the directory of boot loaders is followed, and what is too large is not sent", async () => {
  const { get, fileSystem } = await openLoaders();
  fileSystem.link("/loaders/default.efi", "arm64/snponly.efi")
    .link("/loaders/aa64", "arm64").link("/elsewhere", "/loaders")
    .file("/loaders/large.iso", new Uint8Array(64 * 1024 * 1024 + 1));
  for (const name of ["default.efi", "aa64/snponly.efi"]) {
    assert.deepEqual(
      await (await get(name)).bytes(),
      program("for arm64"),
      name,
    );
  }
  const large = await get("large.iso");
  assert.equal(large.status, 404);
  assert.match(await errorOf(large), /has 67108865 bytes, more than 67108864;/);
  fileSystem.readBytes = 0;
  await get("large.iso");
  assert.equal(fileSystem.readBytes, 0);
});

Deno.test("a boot loader that changes while it is read for its digest is asked for again", async () => {
  const { get, fileSystem } = await openLoaders();
  const { open } = fileSystem;
  let opens = 0;
  fileSystem.open = async (path) => {
    // It is looked at, then looked into, and then read.
    if (++opens === 3) fileSystem.file("/loaders/undionly.kpxe", "another!");
    return await open.call(fileSystem, path);
  };
  const response = await get("undionly.kpxe");
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "2");
  assert.equal(await (await get("undionly.kpxe")).text(), "another!");
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("a boot loader that could not be read once is read when it is asked for again", async () => {
  const { get, fileSystem, logger } = await openLoaders();
  const { open } = fileSystem;
  let opens = 0;
  fileSystem.open = async (path) => {
    if (++opens === 3) throw new Error("the disk does not answer");
    return await open.call(fileSystem, path);
  };
  assert.equal((await get("undionly.kpxe")).status, 500);
  assert.match(logger.lines.join(), /undionly\.kpxe: the disk does not answer/);
  assert.equal((await get("undionly.kpxe")).status, 200);
});

Deno.test("being out of file descriptors is the provider's fault, and no loader's absence", async () => {
  const { get, fileSystem, logger } = await openLoaders();
  fileSystem.isExhausted = true;
  assert.equal((await get("snponly.efi")).status, 500);
  assert.match(logger.lines.join(), /ERROR Cannot answer \/boot\/snponly.efi/);
  fileSystem.isExhausted = false;
  assert.equal((await get("snponly.efi")).status, 200);
});

Deno.test("no image is at /boot/ or /blobs/, whatever its channel is called", async () => {
  const { get, catalog, fileSystem } = await openLoaders();
  const [image] = catalog.images();
  assert.ok(image);
  catalog.set([{ ...image, image: { channel: "boot", arch: "arm64" } }]);
  fileSystem.file("/loaders/arm64/boot.ipxe", "of the directory");
  assert.equal(await (await get("arm64/boot.ipxe")).text(), "of the directory");
  assert.equal((await get("arm64/kernel")).status, 404);
});

Deno.test("loaderWarnings() says that the directory is not there, and what in it is passed over", async () => {
  const fileSystem = new MemoryFileSystem().file("/boot/ipxe.efi")
    .file("/boot/grubx64.efi")
    // As Debian has it.
    .link("/usr/lib/ipxe/ipxe.efi", "/boot/ipxe.efi")
    .link("/usr/lib/ipxe/grub.efi", "/boot/grubx64.efi")
    .file("/usr/lib/ipxe/snponly.efi");
  const of = (loaders?: string) =>
    loaderWarnings({ loaders, stateDir: "/state" }, fileSystem);
  assert.deepEqual(await of(), []);
  fileSystem.isExhausted = true;
  await assert.rejects(of("/usr/lib/ipxe"), SystemLimitError);
  fileSystem.isExhausted = false;
  assert.deepEqual(await of("/usr/lib/ipxe"), [
    'Ignoring "/usr/lib/ipxe/grub.efi": it links to "/boot/grubx64.efi", outside "/usr/lib/ipxe"; copy the file instead',
  ]);
  const [missing, ...others] = await of("/usr/lib/ipxx");
  assert.deepEqual(others, []);
  assert.match(
    missing ?? "",
    /"\/usr\/lib\/ipxx".*; no boot loaders are served until it is there, or loaders in \[pxe\] names another directory$/,
  );
});
