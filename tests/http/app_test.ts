import assert from "node:assert/strict";
import { createHttpApp } from "../../lib/http/app.ts";
import {
  errorOf,
  httpFixture,
  KERNEL,
  request,
  silentProvider,
} from "../support/http_fixture.ts";
import { MemoryCatalog, sha256Hex } from "../support/memory_catalog.ts";

Deno.test("/ lists the images with relative manifest paths", async () => {
  const response = await request(await httpFixture(), "/");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.deepEqual(await response.json(), {
    images: [
      {
        channel: "stable",
        arch: "arm64",
        version: "2026.11.22",
        manifest: "/stable/arm64/manifest.json",
      },
      {
        channel: "testing",
        arch: "x86_64",
        version: "2026.11.22",
        manifest: "/testing/x86_64/manifest.json",
      },
    ],
  });
});

Deno.test("/health answers while nothing is served", async () => {
  const fixture = await httpFixture();
  fixture.catalog.set([]);
  const response = await request(fixture, "/health");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ok" });
});

Deno.test("/manifest.json is the manifest when one image is served", async () => {
  const fixture = await httpFixture();
  const [only] = fixture.catalog.images();
  assert.ok(only);
  fixture.catalog.set([only]);
  const response = await request(fixture, "/manifest.json");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.bytes(), only.manifest.bytes);
});

Deno.test("/manifest.json names the manifests when there are several", async () => {
  const response = await request(await httpFixture(), "/manifest.json");
  assert.equal(response.status, 404);
  assert.equal(
    await errorOf(response),
    "Several images are served here: ask for /stable/arm64/manifest.json, /testing/x86_64/manifest.json",
  );
});

Deno.test("a manifest is sent byte for byte, with its length", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, "/stable/arm64/manifest.json");
  const bytes = fixture.catalog.images()[0]?.manifest.bytes;
  assert.ok(bytes);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("content-length"), String(bytes.length));
  assert.deepEqual(await response.bytes(), bytes);
});

for (
  const path of [
    "/stable/arm64/kernel",
    "/stable/arm64/vmlinuz",
    "/stable/aarch64/kernel",
    "/STABLE/ARM64/VMLINUZ",
    "//stable//arm64//kernel",
    "/stable/arm64/kernel/",
    "/stable/arm64/kernel?mac=52%3A54%3A00",
    "/%73table/arm64/%6bernel",
    `/blobs/sha256/${await sha256Hex(new TextEncoder().encode(KERNEL))}`,
    `/blobs/sha256/${
      (await sha256Hex(new TextEncoder().encode(KERNEL))).toUpperCase()
    }`,
  ]
) {
  Deno.test(`GET ${path} is the kernel, without a redirect`, async () => {
    const fixture = await httpFixture();
    const response = await request(fixture, path);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-length"), `${KERNEL.length}`);
    assert.equal(await response.text(), KERNEL);
    assert.equal(fixture.fileSystem.openCount, 0);
  });
}

Deno.test("a device tree is found by its name in any case", async () => {
  const fixture = await httpFixture();
  for (const name of ["Board-4.dtb", "board-4.dtb", "BOARD-4.DTB"]) {
    const response = await request(fixture, `/stable/arm64/${name}`);
    assert.equal(await response.text(), "a device tree");
  }
});

Deno.test("an exact file name goes before one that differs in case", async () => {
  const fixture = await httpFixture();
  const [image] = fixture.catalog.images();
  assert.ok(image);
  const upper = image.artifacts.get("kernel");
  const lower = image.artifacts.get("initramfs");
  assert.ok(upper && lower);
  fixture.catalog.set([{
    ...image,
    artifacts: new Map([
      ["kernel", { ...upper, filename: "IMAGE" }],
      ["rootfs", { ...lower, filename: "image" }],
    ]),
  }]);
  const of = async (path: string) =>
    await (await request(fixture, path)).text();
  assert.equal(await of("/stable/arm64/IMAGE"), KERNEL);
  assert.equal(await of("/stable/arm64/image"), "an initramfs");
});

for (
  const path of [
    "/",
    "/health",
    "/manifest.json",
    "/stable/arm64/manifest.json",
    "/stable/arm64/kernel",
    "/stable/arm64/nothing",
    "/stable/riscv64/kernel",
    "/nothing",
  ]
) {
  Deno.test(`HEAD ${path} has the headers of GET and no body`, async () => {
    const fixture = await httpFixture();
    const get = await request(fixture, path);
    const head = await request(fixture, path, { method: "HEAD" });
    assert.equal(head.status, get.status);
    assert.deepEqual([...head.headers], [...get.headers]);
    const length = (await get.bytes()).length;
    assert.equal(head.headers.get("content-length"), String(length));
    assert.equal(head.body, null);
    assert.equal(fixture.fileSystem.openCount, 0);
  });
}

for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
  Deno.test(`${method} is 405 with Allow`, async () => {
    const response = await request(await httpFixture(), "/health", { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
    assert.match(await errorOf(response), /GET and HEAD/);
  });
}

Deno.test("an image that is not here is 404 and says which are", async () => {
  const response = await request(await httpFixture(), "/stable/amd64/kernel");
  assert.equal(response.status, 404);
  assert.equal(
    await errorOf(response),
    "No image stable/x86_64 here; served: stable/arm64, testing/x86_64",
  );
});

Deno.test("a file that is not in the image is 404 and says which are", async () => {
  const response = await request(await httpFixture(), "/stable/arm64/dtb");
  assert.equal(response.status, 404);
  assert.equal(
    await errorOf(response),
    'stable/arm64 has no "dtb"; it has manifest.json, kernel (vmlinuz), initramfs (initramfs.img), Board-4.dtb',
  );
});

Deno.test("a path of no known shape is 404 and points to the list", async () => {
  const response = await request(await httpFixture(), "/favicon.ico");
  assert.equal(response.status, 404);
  assert.equal(
    await errorOf(response),
    "Nothing at /favicon.ico: / lists what is served",
  );
});

Deno.test("a blob must be named by 64 hex digits that some artifact has", async () => {
  const fixture = await httpFixture();
  const short = await request(fixture, "/blobs/sha256/abc");
  assert.equal(short.status, 404);
  assert.match(await errorOf(short), /64 hex digits/);
  const unknown = await request(fixture, `/blobs/sha256/${"0".repeat(64)}`);
  assert.equal(unknown.status, 404);
  assert.match(await errorOf(unknown), /served: stable\/arm64/);
});

for (
  const path of [
    "/stable/arm64/notes.txt",
    "/stable/arm64/%2e%2e%2fnotes.txt",
    "/stable/arm64/..%2f..%2f..%2fetc%2fpasswd",
    "/stable/arm64/..%5cvmlinuz",
    "/stable/arm64/vmlinuz%00",
    "/stable/arm64/%c0%ae%c0%ae",
    "/stable/arm64/%",
    "/stable%2Farm64/kernel",
    "/..%2f/arm64/kernel",
    "/srv/stable/arm64/vmlinuz",
  ]
) {
  Deno.test(`GET ${path} opens no file`, async () => {
    const fixture = await httpFixture();
    const response = await request(fixture, path);
    assert.equal(response.status, 404);
    assert.ok((await errorOf(response)).length > 0);
    assert.deepEqual(fixture.fileSystem.opened, []);
  });
}

Deno.test("an error shows no control character of the request", async () => {
  const response = await request(
    await httpFixture(),
    "/stable/arm64/%1b%5b31m%0a",
  );
  assert.match(await errorOf(response), /has no "\?\[31m\?"/);
});

Deno.test("a file replaced since the scan is 503 with Retry-After", async () => {
  const fixture = await httpFixture();
  fixture.fileSystem.file("/srv/stable/arm64/vmlinuz", KERNEL.toUpperCase());
  for (const method of ["GET", "HEAD"]) {
    const response = await request(fixture, "/stable/arm64/kernel", { method });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "2");
    assert.equal(fixture.fileSystem.openCount, 0);
  }
});

Deno.test("a file removed since the scan is 503 with Retry-After", async () => {
  const fixture = await httpFixture();
  fixture.fileSystem.remove("/srv/stable/arm64/vmlinuz");
  const response = await request(fixture, "/stable/arm64/kernel");
  assert.equal(response.status, 503);
  assert.match(await errorOf(response), /vmlinuz is being replaced/);
});

Deno.test("a file that may not be read is 500, and the log says which", async () => {
  const fixture = await httpFixture();
  fixture.fileSystem.setReadable("/srv/stable/arm64/vmlinuz", false);
  const response = await request(fixture, "/stable/arm64/kernel");
  assert.equal(response.status, 500);
  assert.equal(
    await errorOf(response),
    "This provider may not read vmlinuz",
  );
  assert.match(
    fixture.logger.lines.join("\n"),
    /^ERROR Cannot send "\/srv\/stable\/arm64\/vmlinuz": .*permission denied/,
  );
});

Deno.test("a file overwritten while it is sent breaks the download", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, "/stable/arm64/kernel");
  fixture.fileSystem.overwrite(
    "/srv/stable/arm64/vmlinuz",
    KERNEL.toUpperCase(),
    "2026-11-22T12:00:00Z",
  );
  await assert.rejects(response.bytes(), /vmlinuz changed while it was sent/);
  assert.equal(fixture.fileSystem.openCount, 0);
  assert.match(fixture.logger.lines.join("\n"), /^WARN .*vmlinuz" changed/);
});

Deno.test("a file replaced by renaming is finished from the old one", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, "/stable/arm64/kernel");
  fixture.fileSystem.file("/srv/stable/arm64/vmlinuz", "new");
  assert.equal(await response.text(), KERNEL);
});

Deno.test("a file that became shorter breaks the download", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, "/stable/arm64/kernel");
  fixture.fileSystem.overwrite("/srv/stable/arm64/vmlinuz", "", "2026-11-22");
  await assert.rejects(response.bytes(), /shorter/);
  assert.equal(fixture.fileSystem.openCount, 0);
});

Deno.test("a client that goes away leaves no open file", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, "/stable/arm64/kernel");
  assert.equal(fixture.fileSystem.openCount, 1);
  await response.body?.cancel();
  assert.equal(fixture.fileSystem.openCount, 0);
});

Deno.test("what nobody expected is 500 without details, and logged", async () => {
  const { fileSystem, clock, logger } = await httpFixture();
  const catalog = new MemoryCatalog();
  catalog.images = () => {
    throw new Error("secret detail");
  };
  const app = createHttpApp({
    catalog,
    fileSystem,
    clock,
    logger,
    status: silentProvider,
  });
  const response = await request({ app }, "/");
  assert.equal(response.status, 500);
  assert.doesNotMatch(await errorOf(response), /secret/);
  assert.deepEqual(logger.lines, ["ERROR Cannot answer /: secret detail"]);
});
