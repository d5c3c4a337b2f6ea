import assert from "node:assert/strict";
import {
  type FetchReportOptions,
  reportFetched,
  reportNotFetched,
} from "../../lib/cli/fetch_report.ts";
import { byProducts } from "../../lib/fetch/by_products.ts";
import { wantedFiles } from "../../lib/fetch/wanted_files.ts";
import type { BootManifest } from "../../lib/manifest/boot_manifest.ts";
import { FULL_MANIFEST, promised } from "../support/fetched_manifest.ts";
import { candidate, verified } from "../support/memory_source.ts";

function optionsOf(
  manifest: BootManifest,
  changes: Partial<FetchReportOptions> = {},
): FetchReportOptions {
  return {
    provider: {
      candidate: candidate("a"),
      ...verified(),
      elapsedMs: 41,
      manifest,
    },
    ...{ refused: [], directory: "/run/boot/stable/arm64" },
    ...{ insecure: false, format: "text", quiet: false },
    ...changes,
  };
}

function report(
  changes: Partial<FetchReportOptions> = {},
  { manifest = FULL_MANIFEST, names = [] }: {
    manifest?: BootManifest;
    names?: string[];
  } = {},
) {
  const options = optionsOf(manifest, changes);
  const wanted = wantedFiles(manifest, names);
  assert.ok(wanted.ok);
  const { provider } = options;
  const made = byProducts(
    { ...provider, manifestUrl: provider.candidate.manifestUrl },
    wanted.value.map(({ artifact }) => artifact),
  );
  return reportFetched({
    image: { isChanged: true, receivedBytes: 64 },
    wanted: wanted.value,
    made,
    seconds: 1.23456,
  }, options);
}

const PLACE = "/run/boot/stable/arm64";

Deno.test("reportFetched() names in text what a boot is made with, as variables of a shell", () => {
  const { stdout, messages, exitCode } = report();
  assert.deepEqual(stdout, [
    "MANIFEST_URL=http://a/stable/arm64/manifest.json",
    "VERSION=2026.11.22",
    `DIRECTORY=${PLACE}`,
    `KERNEL=${PLACE}/vmlinuz`,
    `INITRD=${PLACE}/initrd.kexec`,
    `ROOTFS=${PLACE}/rootfs.squashfs`,
    // Of two nobody knows which.
    "DTB=",
    `CMDLINE_FILE=${PLACE}/cmdline.resolved`,
    "INSECURE=",
  ]);
  assert.deepEqual(messages, []);
  assert.equal(exitCode, 0);
});

Deno.test("reportFetched() leaves empty what was not fetched, and says that nothing was verified", () => {
  const { stdout } = report({ insecure: true }, {
    names: ["rootfs", "dtbs/a.dtb"],
  });
  assert.deepEqual(stdout.slice(3), [
    "KERNEL=",
    "INITRD=",
    `ROOTFS=${PLACE}/rootfs.squashfs`,
    `DTB=${PLACE}/dtbs/a.dtb`,
    `CMDLINE_FILE=${PLACE}/cmdline.resolved`,
    "INSECURE=1",
  ]);
  assert.deepEqual(report({ quiet: true }).stdout, [PLACE]);
});

Deno.test("reportFetched() names the initramfs itself where the image has its own initrd.kexec", () => {
  const manifest = {
    ...FULL_MANIFEST,
    files: [promised("initrd.kexec")],
    initrds: [],
  };
  const { stdout } = report({}, { manifest });
  assert.ok(stdout.includes(`INITRD=${PLACE}/initrd.img`));
});

Deno.test({
  name:
    "reportFetched() is safe to evaluate, whatever a path or a version holds",
  async fn() {
    const directory = `/tmp/$(echo no) it's\\ "q"; echo no`;
    const manifest = { ...FULL_MANIFEST, version: "1 `echo no` & ' $HOME" };
    const { stdout } = report({ directory }, { manifest });
    const { stdout: said } = await new Deno.Command("sh", {
      args: [
        "-euc",
        `eval "$1"; printf '%s\\n' "$VERSION" "$KERNEL" "$INSECURE."`,
        ...["sh", stdout.join("\n")],
      ],
      env: { INSECURE: "of the environment" },
    }).output();
    assert.deepEqual(new TextDecoder().decode(said).split("\n"), [
      manifest.version,
      `${directory}/vmlinuz`,
      ...[".", ""],
    ]);
  },
});

Deno.test("reportFetched() gives one JSON object with the files, where they are and what it took", () => {
  const { stdout } = report({ format: "json", insecure: true }, {
    names: ["kernel", "initramfs"],
  });
  assert.equal(stdout.length, 1);
  const { artifacts, ...object } = JSON.parse(stdout[0] ?? "");
  assert.deepEqual(Object.keys(artifacts), [
    ...["kernel", "initramfs", "rootfs", "dtbs", "files"],
  ]);
  const file = (role: string, path: string) => ({
    ...{ path, role, size: 8 },
    sha256: promised(path).sha256,
    file: `${PLACE}/${path}`,
  });
  assert.deepEqual(object, {
    channel: "stable",
    arch: "arm64",
    manifest_url: "http://a/stable/arm64/manifest.json",
    manifest_sha256: "2".repeat(64),
    version: "2026.11.22",
    peer_id: null,
    provider_name: null,
    source: "mdns",
    verified_by: [],
    cmdline: FULL_MANIFEST.cmdline,
    initrds: ["ucode.img", "initrd.img"],
    elapsed_ms: 41,
    refused: [],
    fetched: true,
    insecure: true,
    directory: PLACE,
    initrd: `${PLACE}/initrd.kexec`,
    cmdline_file: `${PLACE}/cmdline.resolved`,
    files: [
      file("kernel", "vmlinuz"),
      file("initramfs", "initrd.img"),
      file("initramfs", "ucode.img"),
    ],
    changed: true,
    received_bytes: 64,
    seconds: 1.235,
  });
});

Deno.test("reportNotFetched() ends with 5, and says why in words and as an object", () => {
  const failure = { kind: "room", message: "the disk is full" };
  const text = reportNotFetched(failure, optionsOf(FULL_MANIFEST));
  assert.deepEqual(text, {
    stdout: [],
    messages: ["the disk is full"],
    exitCode: 5,
  });
  const { stdout } = reportNotFetched(
    failure,
    optionsOf(FULL_MANIFEST, { format: "json", insecure: true }),
  );
  const object = JSON.parse(stdout[0] ?? "");
  assert.equal(object.error, "the disk is full");
  assert.equal(object.reason, "not_fetched");
  assert.equal(object.cause, "room");
  assert.equal(object.fetched, false);
  assert.equal(object.insecure, true);
  assert.equal(object.manifest_sha256, "2".repeat(64));
});
