import assert from "node:assert/strict";
import { createHandler } from "../../lib/http/create_handler.ts";
import {
  errorOf,
  httpFixture,
  KERNEL,
  request,
  silentProvider,
} from "../support/http_fixture.ts";
import { sha256Hex } from "../support/memory_catalog.ts";

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

Deno.test("/manifest.json follows what is served", async () => {
  const fixture = await httpFixture();
  const [first, second] = fixture.catalog.images();
  assert.ok(first && second);
  for (const only of [first, first, second]) {
    fixture.catalog.set([only]);
    const response = await request(fixture, "/manifest.json");
    assert.deepEqual(await response.bytes(), only.manifest.bytes);
  }
  fixture.catalog.set([first, second]);
  assert.equal((await request(fixture, "/manifest.json")).status, 404);
  fixture.catalog.set([]);
  assert.equal((await request(fixture, "/manifest.json")).status, 404);
});

Deno.test("a boot script follows what is served", async () => {
  const fixture = await httpFixture();
  const [first] = fixture.catalog.images();
  assert.ok(first);
  for (const version of ["1", "2"]) {
    fixture.catalog.set([{ ...first, version }]);
    for (let time = 0; time < 2; time++) {
      const response = await request(fixture, "/stable/arm64/boot.ipxe");
      assert.match(await response.text(), new RegExp(`arm64 ${version}, as`));
    }
  }
  fixture.catalog.set([]);
  const gone = await request(fixture, "/stable/arm64/boot.ipxe");
  assert.equal(gone.status, 404);
});

Deno.test("/trust/N.json follows the succession of trusted keys", async () => {
  const { catalog, fileSystem, clock, logger } = await httpFixture();
  let documents = new Map<number, Uint8Array>();
  const handler = createHandler({
    catalog,
    fileSystem,
    clock,
    logger,
    trustDocuments: () => documents,
    status: silentProvider,
  });
  const get = () => request({ handler }, "/trust/2.json");
  const none = await get();
  assert.equal(none.status, 404);
  assert.equal(
    await errorOf(none),
    "No such trust document: there is none",
  );
  for (const text of ["{}", "{}", "[]"]) {
    documents = new Map([[2, new TextEncoder().encode(text)]]);
    const response = await get();
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(await response.text(), text);
  }
  documents = new Map();
  assert.equal((await get()).status, 404);
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

Deno.test("a manifest is found by its path in any case", async () => {
  const fixture = await httpFixture();
  const response = await request(fixture, "/STABLE/Arm64/Manifest.JSON");
  assert.deepEqual(
    await response.bytes(),
    fixture.catalog.images()[0]?.manifest.bytes,
  );
});

for (
  const path of [
    "/stable/arm64/kernel",
    "/stable/arm64/vmlinuz",
    "/stable/aarch64/kernel",
    "/STABLE/ARM64/VMLINUZ",
    "//stable//arm64//kernel",
    "/stable/arm64/kernel/",
    "/stable/arm64/KERNEL",
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

Deno.test("kernel.efi is the kernel where that is a program for UEFI, and no other file", async () => {
  const fixture = await httpFixture();
  const [image] = fixture.catalog.images();
  const kernel = image?.artifacts.get("kernel");
  const other = image?.artifacts.get("initramfs");
  assert.ok(image && kernel && other);
  const get = async (path: string) => await request(fixture, path);
  const serve = (changes: Partial<typeof kernel>) =>
    fixture.catalog.set([{
      ...image,
      artifacts: new Map([
        ["kernel", { ...kernel, ...changes }],
        ["./kernel.efi", { ...other, filename: "kernel.efi" }],
      ]),
    }]);
  serve({});
  for (const name of ["kernel.efi", "KERNEL.EFI"]) {
    const none = await get(`/stable/aarch64/${name}`);
    assert.equal(none.status, 404);
    assert.equal(
      await errorOf(none),
      "The kernel of stable/arm64 is no program for UEFI, since it does not begin as a PE image; it is at kernel, as it is",
    );
  }
  serve({ mediaType: "application/efi" });
  for (const name of ["kernel.efi", "KERNEL.EFI"]) {
    const response = await get(`/stable/aarch64/${name}`);
    assert.equal(response.headers.get("content-type"), "application/efi");
    assert.equal(await response.text(), KERNEL);
  }
  const blob = await get(`/blobs/sha256/${other.sha256}`);
  assert.equal(await blob.text(), "an initramfs");
  // Its manifest says that it is there.
  serve({ filename: "kernel.efi" });
  const named = await get("/stable/arm64/kernel.efi");
  assert.equal(await named.text(), KERNEL);
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

for (
  const path of [
    "/boot.ipxe",
    "/grub.cfg",
    "/stable/arm64/boot.ipxe",
    "/stable/arm64/grub.cfg",
    "/STABLE/aarch64/BOOT.IPXE",
  ]
) {
  Deno.test(`GET ${path} is plain text with its length`, async () => {
    const fixture = await httpFixture();
    const response = await request(fixture, path);
    assert.equal(response.status, 200);
    assert.equal(
      response.headers.get("content-type"),
      "text/plain; charset=utf-8",
    );
    const bytes = await response.bytes();
    assert.equal(response.headers.get("content-length"), `${bytes.length}`);
    assert.doesNotMatch(new TextDecoder().decode(bytes), /10\.0\.0\.1/);
  });
}

for (const file of ["boot.ipxe", "grub.cfg"]) {
  Deno.test(`{url} in ${file} is where the client has connected to, whatever its Host`, async () => {
    const fixture = await httpFixture();
    const [stable] = fixture.catalog.images();
    assert.ok(stable);
    fixture.catalog.set([{ ...stable, cmdline: "root={url}/rootfs" }]);
    const response = await request(fixture, `/stable/arm64/${file}`, {
      headers: { host: "evil.example" },
    });
    const script = await response.text();
    assert.match(
      script,
      /root=http:\/\/10\.0\.0\.1:8080\/stable\/arm64\/rootfs/,
    );
    assert.doesNotMatch(script, /evil/);
  });

  Deno.test(`a cmdline that ${file} cannot hold is 500 and says why`, async () => {
    const fixture = await httpFixture();
    const [stable] = fixture.catalog.images();
    assert.ok(stable);
    fixture.catalog.set([{ ...stable, cmdline: "a=it's {sha256:rootfs}" }]);
    const response = await request(fixture, `/stable/arm64/${file}`);
    assert.equal(response.status, 500);
    assert.match(
      await errorOf(response),
      /^The cmdline of stable\/arm64 cannot be passed by \w+: it holds \{sha256:rootfs\}, and the image has no such file$/,
    );
  });
}
