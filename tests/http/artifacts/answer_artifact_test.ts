import fc from "fast-check";
import assert from "node:assert/strict";
import {
  errorOf,
  type HttpFixture,
  httpFixture,
  KERNEL,
  request,
} from "../../support/http_fixture.ts";
import { servedImage } from "../../support/memory_catalog.ts";

const KERNEL_URL = "/stable/arm64/kernel";
const MODIFIED = "Sun, 22 Nov 2026 10:00:00 GMT";

function kernelHash({ catalog }: HttpFixture): string {
  return catalog.images()[0]?.artifacts.get("kernel")?.sha256 ?? "";
}

Deno.test("an artifact has its hash as strong ETag, and its date", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, KERNEL_URL);
  await response.body?.cancel();
  assert.deepEqual(Object.fromEntries(response.headers), {
    "accept-ranges": "bytes",
    "cache-control": "no-cache",
    "content-length": String(KERNEL.length),
    "content-type": "application/octet-stream",
    etag: `"${kernelHash(fixture)}"`,
    "last-modified": MODIFIED,
    "x-content-type-options": "nosniff",
  });
});

Deno.test("a file that begins as a PE image is application/efi by every path, whatever it is called", async () => {
  const fixture = await httpFixture();
  const efi = new Uint8Array(200);
  efi.set(new TextEncoder().encode("MZ"));
  efi[0x3c] = 0x80;
  efi.set(new TextEncoder().encode("PE"), 0x80);
  const { catalog, fileSystem } = fixture;
  fileSystem.file("/srv/efi/x86_64/vmlinuz", efi)
    .file("/srv/efi/x86_64/initrd.efi", "MZ, but no image");
  const image = await servedImage(
    fileSystem,
    { channel: "efi", arch: "x86_64" },
    {
      kernel: "/srv/efi/x86_64/vmlinuz",
      initramfs: "/srv/efi/x86_64/initrd.efi",
    },
  );
  catalog.set([image]);
  const sha256 = (role: string) => image.artifacts.get(role)?.sha256;
  const typeOf = async (path: string, init: RequestInit) => {
    const response = await request(fixture, path, init);
    await response.body?.cancel();
    assert.ok(response.ok, path);
    return response.headers.get("content-type");
  };
  const inits = [{}, { method: "HEAD" }, { headers: { range: "bytes=9-" } }];
  for (const init of inits) {
    for (
      const path of [
        "/efi/x86_64/kernel",
        "/efi/amd64/vmlinuz",
        "/EFI/x86_64/VMLINUZ",
        `/blobs/sha256/${sha256("kernel")}`,
      ]
    ) assert.equal(await typeOf(path, init), "application/efi", path);
    for (
      const path of [
        "/efi/x86_64/initramfs",
        "/efi/x86_64/initrd.efi",
        `/blobs/sha256/${sha256("initramfs")}`,
      ]
    ) assert.equal(await typeOf(path, init), "application/octet-stream", path);
  }
});

Deno.test("a blob may be kept for ever: its URL is its hash", async () => {
  const fixture = await httpFixture();
  const response = await request(
    fixture,
    `/blobs/sha256/${kernelHash(fixture)}`,
  );
  await response.body?.cancel();
  assert.equal(
    response.headers.get("cache-control"),
    "public, max-age=31536000, immutable",
  );
});

Deno.test("a client that has it gets 304 and no byte", async () => {
  const fixture = await httpFixture();
  const etag = `"${kernelHash(fixture)}"`;
  for (
    const headers of [
      { "if-none-match": etag },
      { "if-modified-since": MODIFIED },
      { "if-none-match": etag, range: "bytes=0-4" },
    ]
  ) {
    const response = await request(fixture, KERNEL_URL, { headers });
    assert.equal(response.status, 304);
    assert.equal(response.body, null);
    assert.equal(response.headers.get("etag"), etag);
    assert.equal(response.headers.get("last-modified"), MODIFIED);
  }
  assert.deepEqual(fixture.fileSystem.opened, []);
});

Deno.test("If-Match that fails is 412", async () => {
  const response = await request(await httpFixture(), KERNEL_URL, {
    headers: { "if-match": '"other"' },
  });
  assert.equal(response.status, 412);
});

Deno.test("a range is 206 with Content-Range and just these bytes", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, KERNEL_URL, {
    headers: { range: "bytes=4-9" },
  });
  assert.equal(response.status, 206);
  assert.equal(response.headers.get("content-length"), "6");
  assert.equal(
    response.headers.get("content-range"),
    `bytes 4-9/${KERNEL.length}`,
  );
  assert.equal(await response.text(), KERNEL.slice(4, 10));
  assert.equal(fixture.fileSystem.openCount, 0);
});

Deno.test("a range out of bounds is 416 and says how long it is", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, KERNEL_URL, {
    headers: { range: "bytes=26-" },
  });
  assert.equal(response.status, 416);
  assert.equal(response.headers.get("content-range"), "bytes */26");
  assert.equal(await errorOf(response), "stable/arm64/vmlinuz has 26 bytes");
});

Deno.test("a range that iPXE got wrong is answered with the whole file", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, KERNEL_URL, {
    headers: { range: "bytes=u-u" },
  });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), KERNEL);
});

Deno.test("If-Range with another ETag is answered with the whole file", async () => {
  const fixture = await httpFixture();
  const range = "bytes=4-9";
  const stale = await request(fixture, KERNEL_URL, {
    headers: { range, "if-range": '"other"' },
  });
  assert.equal(stale.status, 200);
  assert.equal(await stale.text(), KERNEL);
  const fresh = await request(fixture, KERNEL_URL, {
    headers: { range, "if-range": `"${kernelHash(fixture)}"` },
  });
  assert.equal(fresh.status, 206);
  await fresh.body?.cancel();
});

Deno.test("HEAD ignores Range, as RFC 9110 section 14.2 has it", async () => {
  const response = await request(await httpFixture(), KERNEL_URL, {
    method: "HEAD",
    headers: { range: "bytes=4-9" },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-length"), String(KERNEL.length));
});

Deno.test("any ranges of a file, put together, are the file", async () => {
  const fixture = await httpFixture();
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: KERNEL.length - 1 }));
  await fc.assert(
    fc.asyncProperty(cuts, async (inner) => {
      const edges = [0, ...inner.sort((a, b) => a - b), KERNEL.length];
      let text = "";
      for (const [index, from] of edges.slice(0, -1).entries()) {
        const to = (edges[index + 1] ?? 0) - 1;
        const { promise: completed, resolve } = Promise.withResolvers<void>();
        const response = await request(fixture, KERNEL_URL, {
          headers: { range: `bytes=${from}-${to}` },
        }, completed);
        text += await response.text();
        resolve();
      }
      assert.equal(text, KERNEL);
    }),
    { numRuns: 30 },
  );
  assert.equal(fixture.fileSystem.openCount, 0);
});

Deno.test("a manifest that the client has is 304", async () => {
  const fixture = await httpFixture();
  const url = "/stable/arm64/manifest.json";
  const etag = (await request(fixture, url)).headers.get("etag") ?? "";
  assert.equal(etag, `"${fixture.catalog.images()[0]?.manifest.sha256}"`);
  const again = await request(fixture, url, {
    headers: { "if-none-match": etag },
  });
  assert.equal(again.status, 304);
  assert.equal(again.body, null);
  const other = await request(fixture, url, { headers: { "if-match": '"x"' } });
  assert.equal(other.status, 412);
});

Deno.test("beyond the limit a download is 503 with Retry-After", async () => {
  const fixture = await httpFixture({ maxConnections: 2 });
  const first = Promise.withResolvers<void>();
  const running = [
    await request(fixture, KERNEL_URL, {}, first.promise),
    await request(fixture, KERNEL_URL),
  ];
  const waits = new Set<string | null>();
  for (let i = 0; i < 8; i++) {
    const refused = await request(fixture, KERNEL_URL);
    assert.equal(refused.status, 503);
    assert.match(await errorOf(refused), /^2 downloads are running/);
    waits.add(refused.headers.get("retry-after"));
  }
  assert.equal(waits.size, 8, "a rack is not told to come back as one");
  assert.equal((await request(fixture, "/health")).status, 200);
  assert.equal(
    (await request(fixture, KERNEL_URL, { method: "HEAD" })).status,
    200,
  );
  for (const response of running) await response.body?.cancel();
  assert.equal((await request(fixture, KERNEL_URL)).status, 503);
  first.resolve();
  await fixture.clock.advance(0);
  const next = await request(fixture, KERNEL_URL);
  assert.equal(next.status, 200, "a response that has left makes room");
  await next.body?.cancel();
  assert.equal(fixture.fileSystem.openCount, 0);
});

Deno.test("a slow rate does not read the same bytes again and again", async () => {
  const fixture = await httpFixture({ maxRateBytesPerSecond: 64 * 1024 });
  const size = 1024 * 1024;
  fixture.fileSystem.file("/srv/big", new Uint8Array(size));
  fixture.catalog.set([
    await servedImage(fixture.fileSystem, { channel: "a", arch: "b" }, {
      kernel: "/srv/big",
    }),
  ]);
  fixture.fileSystem.read.length = 0;
  const response = await request(fixture, "/a/b/kernel");
  const body = response.bytes();
  await fixture.clock.advance(17_000);
  assert.equal((await body).length, size);
  const reads = fixture.fileSystem.read.length;
  assert.ok(reads <= 64, `${reads} reads of at least 64 KiB each`);
});

Deno.test("a client that goes away while the rate limit waits leaves nothing", async () => {
  const fixture = await httpFixture({ maxRateBytesPerSecond: 10 });
  const gone = Promise.withResolvers<void>();
  const response = await request(fixture, KERNEL_URL, {}, gone.promise);
  const reader = response.body?.getReader();
  const reading = reader?.read();
  await fixture.clock.advance(10);
  await reader?.cancel();
  gone.resolve();
  await fixture.clock.advance(0);
  assert.equal((await reading)?.done, true);
  assert.equal(fixture.fileSystem.openCount, 0);
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("a file replaced since the scan is 503 with Retry-After", async () => {
  const fixture = await httpFixture();
  fixture.fileSystem.file("/srv/stable/arm64/vmlinuz", KERNEL.toUpperCase());
  for (const method of ["GET", "HEAD"]) {
    const response = await request(fixture, KERNEL_URL, { method });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "2");
    assert.equal(fixture.fileSystem.openCount, 0);
  }
});

Deno.test("a file removed since the scan is 503 with Retry-After", async () => {
  const fixture = await httpFixture();
  fixture.fileSystem.remove("/srv/stable/arm64/vmlinuz");
  const response = await request(fixture, KERNEL_URL);
  assert.equal(response.status, 503);
  assert.match(await errorOf(response), /vmlinuz is being replaced/);
});

Deno.test("a file that may not be read is 500, and the log says which", async () => {
  const fixture = await httpFixture();
  fixture.fileSystem.setReadable("/srv/stable/arm64/vmlinuz", false);
  const response = await request(fixture, KERNEL_URL);
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
  const response = await request(fixture, KERNEL_URL);
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
  const response = await request(fixture, KERNEL_URL);
  fixture.fileSystem.file("/srv/stable/arm64/vmlinuz", "new");
  assert.equal(await response.text(), KERNEL);
});

Deno.test("a file that became shorter breaks the download", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, KERNEL_URL);
  fixture.fileSystem.overwrite("/srv/stable/arm64/vmlinuz", "", "2026-11-22");
  await assert.rejects(response.bytes(), /shorter/);
  assert.equal(fixture.fileSystem.openCount, 0);
});

Deno.test("a client that goes away leaves no open file", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, KERNEL_URL);
  assert.equal(fixture.fileSystem.openCount, 1);
  await response.body?.cancel();
  assert.equal(fixture.fileSystem.openCount, 0);
});
