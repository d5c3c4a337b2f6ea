import assert from "node:assert/strict";
import fc from "fast-check";
import {
  artifactsByRole,
  parseManifest,
} from "../../lib/manifest/boot_manifest.ts";
import type {
  JsonObject,
  JsonValue,
} from "../../lib/manifest/canonical_json.ts";

const HASH = "0123456789abcdef".repeat(4);

function artifact(filename: string, changes: JsonObject = {}): JsonObject {
  return {
    filename,
    hash: `sha256:${HASH}`,
    size: 10485760,
    urls: [filename, `/blobs/sha256/${HASH}`],
    ...changes,
  };
}

function content(changes: JsonObject = {}): JsonObject {
  return {
    manifest_version: 1795334400,
    version: "2026.11.22",
    channel: "stable",
    arch: "arm64",
    created_at: "2026-11-22T12:00:00Z",
    expires_at: "2026-12-22T12:00:00Z",
    artifacts: { kernel: artifact("vmlinuz") },
    ...changes,
  };
}

function reasonFor(value: JsonValue): string {
  const result = parseManifest(value);
  assert.ok(!result.ok, JSON.stringify(value));
  return result.reason;
}

Deno.test("parseManifest() reads a kernel alone", () => {
  const result = parseManifest(content());
  assert.deepEqual(result, {
    ok: true,
    value: {
      image: { channel: "stable", arch: "arm64" },
      manifestVersion: 1795334400,
      version: "2026.11.22",
      createdAtMs: Date.UTC(2026, 10, 22, 12),
      expiresAtMs: Date.UTC(2026, 11, 22, 12),
      kernel: {
        filename: "vmlinuz",
        sha256: HASH,
        sizeBytes: 10485760,
        urls: ["vmlinuz", `/blobs/sha256/${HASH}`],
      },
      dtbs: [],
      files: [],
      initrds: [],
    },
  });
});

Deno.test("parseManifest() reads every role, device trees by name", () => {
  const result = parseManifest(content({
    cmdline: "console=ttyS0 quiet",
    artifacts: {
      kernel: artifact("vmlinuz"),
      initramfs: artifact("initramfs.img"),
      rootfs: artifact("rootfs.squashfs"),
      dtbs: { "b.dtb": artifact("b.dtb"), "a.dtb": artifact("a.dtb") },
    },
  }));
  assert.ok(result.ok);
  assert.equal(result.value.cmdline, "console=ttyS0 quiet");
  assert.deepEqual([...artifactsByRole(result.value).keys()], [
    "kernel",
    "initramfs",
    "rootfs",
    "a.dtb",
    "b.dtb",
  ]);
});

Deno.test("parseManifest() lets members pass that it does not know", () => {
  assert.ok(parseManifest(content({ min_client: "2" })).ok);
});

Deno.test("parseManifest() makes the arch canonical", () => {
  const result = parseManifest(content({ arch: "aarch64" }));
  assert.ok(result.ok);
  assert.equal(result.value.image.arch, "arm64");
});

Deno.test("parseManifest() names what is missing or wrong", () => {
  const wrong: readonly (readonly [JsonObject, RegExp])[] = [
    [{ manifest_version: undefined }, /^manifest_version is not a whole/],
    [{ manifest_version: 0 }, /^manifest_version/],
    [{ manifest_version: -1 }, /^manifest_version/],
    [{ manifest_version: 1.5 }, /^manifest_version/],
    [{ manifest_version: 2 ** 53 }, /^manifest_version/],
    [{ manifest_version: "1" }, /^manifest_version/],
    [{ version: "" }, /^version/],
    [{ version: "1\n2" }, /^version/],
    [{ version: "x".repeat(65) }, /^version/],
    [{ channel: "../etc" }, /^channel/],
    [{ channel: "Stable" }, /^channel/],
    [{ arch: null }, /^arch/],
    [{ created_at: "yesterday" }, /^created_at is not a UTC time/],
    [{ expires_at: 1795334400 }, /^expires_at/],
    [{ cmdline: "quiet\nchain http://evil.example/" }, /^cmdline/],
    [{ cmdline: "x".repeat(4097) }, /^cmdline/],
    [{ artifacts: [] }, /^artifacts is not an object/],
    [{ artifacts: {} }, /^artifacts.kernel is not an object/],
    [{ artifacts: { kernel: artifact("vmlinuz"), rootfs: null } }, /rootfs/],
  ];
  for (const [changes, reason] of wrong) {
    assert.match(reasonFor(content(changes)), reason);
  }
  assert.equal(reasonFor([]), "the document is not an object");
});

Deno.test("parseManifest() names what is wrong with an artifact", () => {
  const wrong: readonly (readonly [JsonObject, RegExp])[] = [
    [{ hash: HASH }, /kernel.hash/],
    [{ hash: `sha256:${HASH.toUpperCase()}` }, /kernel.hash/],
    [{ hash: `sha256:${HASH.slice(1)}` }, /kernel.hash/],
    [{ size: -1 }, /kernel.size/],
    [{ size: 1e300 }, /kernel.size/],
    [{ urls: [] }, /kernel.urls/],
    [{ urls: ["a", 1] }, /kernel.urls.1/],
    [{ urls: new Array(17).fill("a") }, /kernel.urls/],
  ];
  for (const [changes, reason] of wrong) {
    const artifacts = { kernel: artifact("vmlinuz", changes) };
    assert.match(reasonFor(content({ artifacts })), reason);
  }
});

Deno.test("parseManifest() refuses file names that could leave or spoil a directory", () => {
  const names = [
    "",
    ".",
    "..",
    "../vmlinuz",
    "/a",
    "a//b",
    "a/../b",
    "a/.b",
    "a/b/",
    "a\\b",
    ".hidden",
    "-rf",
    "a b",
    "a\nb",
    "vmlinuz.part",
    "manifest.json",
    "x".repeat(256),
  ];
  for (const name of names) {
    const artifacts = { kernel: artifact(name, { urls: ["k"] }) };
    assert.match(reasonFor(content({ artifacts })), /kernel.filename/, name);
  }
});

Deno.test("parseManifest() refuses two files of one name and wrong device tree names", () => {
  const kernel = artifact("vmlinuz");
  assert.match(
    reasonFor(content({ artifacts: { kernel, initramfs: kernel } })),
    /^artifacts/,
  );
  const dtbs: readonly JsonObject[] = [
    { "a.dtb": artifact("b.dtb") },
    { "kernel": artifact("kernel") },
    { "a\u001b.dtb": artifact("a.dtb") },
  ];
  for (const trees of dtbs) {
    const reason = reasonFor(content({ artifacts: { kernel, dtbs: trees } }));
    assert.match(reason, /^artifacts.dtbs/);
    assert.doesNotMatch(reason, /\p{Cc}/u);
  }
});

Deno.test("parseManifest() reads files by path and the order of initrds", () => {
  const ucode = "intel-ucode.img";
  const result = parseManifest(content({
    artifacts: {
      kernel: artifact("vmlinuz"),
      initramfs: artifact("initrd.img"),
      dtbs: { "dtbs/ti/a.dtbo": artifact("dtbs/ti/a.dtbo") },
      files: { [ucode]: artifact(ucode), kernel: artifact("kernel") },
    },
    initrds: [ucode, "initrd.img"],
  }));
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(result.value.initrds, [ucode, "initrd.img"]);
  assert.deepEqual([...artifactsByRole(result.value).keys()], [
    "kernel",
    "initramfs",
    "dtbs/ti/a.dtbo",
    ucode,
    "./kernel",
  ]);
  assert.equal(
    artifactsByRole(result.value).get("kernel")?.filename,
    "vmlinuz",
  );
});

Deno.test("parseManifest() refuses files and initrds that do not fit together", () => {
  const kernel = artifact("vmlinuz");
  const initramfs = artifact("initrd.img");
  const files = { "a/b": artifact("a/b") };
  const wrong: readonly (readonly [JsonObject, RegExp])[] = [
    [{ artifacts: { kernel, files: { vmlinuz: kernel } } }, /^artifacts/],
    [
      { artifacts: { kernel, files: { ...files, a: artifact("a") } } },
      /^artifacts is not free of files that are directories/,
    ],
    [
      { artifacts: { kernel, files: { c: artifact("d") } } },
      /^artifacts.files/,
    ],
    [
      { artifacts: { kernel, files: { "../c": artifact("../c") } } },
      /filename/,
    ],
    [{ artifacts: { kernel }, initrds: ["vmlinuz"] }, /^initrds/],
    [
      { artifacts: { kernel, initramfs, files }, initrds: ["a/b"] },
      /^initrds/,
    ],
    [
      { artifacts: { kernel, initramfs }, initrds: ["x", "initrd.img"] },
      /^initrds/,
    ],
    [
      {
        artifacts: { kernel, initramfs },
        initrds: ["initrd.img", "initrd.img"],
      },
      /^initrds/,
    ],
  ];
  for (const [changes, reason] of wrong) {
    assert.match(reasonFor(content(changes)), reason);
  }
});

Deno.test("parseManifest() refuses references that leave the provider", () => {
  const urls = [
    "http://other.example/vmlinuz",
    "https:vmlinuz",
    "//other.example/vmlinuz",
    "/\\other.example/vmlinuz",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://provider.invalid/vmlinuz",
    "//provider.invalid/vmlinuz",
    "//a.invalid/vmlinuz",
    "\t/\t/b.invalid/vmlinuz",
    "\\\\b.invalid\\vmlinuz",
    "//vmlinuz",
    "/\n/vmlinuz",
  ];
  for (const url of urls) {
    const artifacts = { kernel: artifact("vmlinuz", { urls: [url] }) };
    assert.match(reasonFor(content({ artifacts })), /kernel.urls/, url);
  }
});

Deno.test("parseManifest() takes references that stay on the provider", () => {
  const urls = [
    ...["vmlinuz", "a/b_c.dtb", "%C3%A9+~", "../vmlinuz", "a//b", "-"],
    ...[`/blobs/sha256/${HASH}`, "/", "?a", "vmlinuz?a=b:c", "./a:b", "\u00e9"],
  ];
  for (const url of urls) {
    const artifacts = { kernel: artifact("vmlinuz", { urls: [url] }) };
    assert.ok(parseManifest(content({ artifacts })).ok, url);
  }
});

Deno.test("parseManifest() never throws", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const plain: JsonValue = JSON.parse(JSON.stringify(value));
    parseManifest(plain);
    parseManifest(content({ artifacts: plain }));
    parseManifest(content({ artifacts: { kernel: plain, dtbs: plain } }));
  }));
});

for (
  const [pieces, wrong] of [
    [{ size: 4194304, hash: `sha256:${HASH}`, later: 1 }, undefined],
    [{ size: 65536, hash: `sha256:${HASH}` }, undefined],
    [{ size: 67108864, hash: `sha256:${HASH}` }, undefined],
    [{}, "pieces.size"],
    [{ size: 4194304 }, "pieces.hash"],
    [{ size: 4194304, hash: HASH }, "pieces.hash"],
    [{ size: 0, hash: `sha256:${HASH}` }, "pieces.size"],
    [{ size: 32768, hash: `sha256:${HASH}` }, "pieces.size"],
    [{ size: 4194305, hash: `sha256:${HASH}` }, "pieces.size"],
    [{ size: 134217728, hash: `sha256:${HASH}` }, "pieces.size"],
    [{ size: "4194304", hash: `sha256:${HASH}` }, "pieces.size"],
    ["4194304", "pieces"],
  ] as const
) {
  Deno.test(`parseManifest() of the pieces ${JSON.stringify(pieces)}: ${wrong ?? "good"}`, () => {
    const manifest = content({
      artifacts: { kernel: artifact("vmlinuz", { pieces }) },
    });
    if (wrong !== undefined) {
      return assert.ok(reasonFor(manifest).includes(`kernel.${wrong} `));
    }
    const result = parseManifest(manifest);
    assert.ok(result.ok);
    const { size, hash } = pieces as { size: number; hash: string };
    assert.deepEqual(result.value.kernel.pieces, {
      sizeBytes: size,
      sha256: hash.slice("sha256:".length),
    });
  });
}

Deno.test("parseManifest() bounds how long a list of pieces can be", () => {
  const hash = `sha256:${HASH}`;
  for (
    const [size, piece, isOk] of [
      [2 ** 43, 2 ** 22, true],
      [2 ** 43 + 1, 2 ** 22, false],
      [2 ** 37, 2 ** 16, true],
      [2 ** 37 + 1, 2 ** 16, false],
      [Number.MAX_SAFE_INTEGER, 2 ** 26, false],
    ] as const
  ) {
    const pieces = { size: piece, hash };
    const kernel = artifact("vmlinuz", { size, pieces });
    const result = parseManifest(content({ artifacts: { kernel } }));
    assert.equal(result.ok, isOk, `${size} bytes in pieces of ${piece}`);
  }
});
