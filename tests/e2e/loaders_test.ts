import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFifo } from "../support/fifo.ts";
import { makeFiles } from "../support/image_tree.ts";
import {
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { rawHttp } from "../support/raw_http.ts";

const IS_WINDOWS = Deno.build.os === "windows";
const WHY = IS_WINDOWS
  ? " (skipped: Windows has neither FIFOs nor SIGHUP)"
  : "";

/** An image, a directory of loaders, and a configuration that names it. */
async function prepare(root: string): Promise<void> {
  await makeFiles(root, {
    "artifacts/stable/arm64/vmlinuz": 4096,
    "loaders/snponly.efi": 5000,
    "loaders/arm64/snponly.efi": 300,
    "secret": 100,
    "plasmd.toml": '[pxe]\nloaders = "loaders"\n',
  });
}

/** With the configuration there, for nobody but loopback. */
function serveArgs(root: string): string[] {
  return [
    ...["serve", "--config", join(root, "plasmd.toml")],
    ...["--artifacts", join(root, "artifacts")],
    ...["--channel", "stable", "--arch", "arm64", "--interface", "lo"],
    ...["--port", "0", "--no-dht", "--no-mdns"],
    ...["--state-dir", join(root, "state")],
  ];
}

async function serve(
  root: string,
): Promise<{ provider: RunningProgram; url: string }> {
  const provider = start("plasmd", serveArgs(root));
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(/Serving stable\/arm64/);
  return { provider, url };
}

/** What lies outside the directory, or is nothing to be sent. */
const HOSTILE: readonly string[] = [
  "/boot/../secret",
  "/boot/%2e%2e/secret",
  "/boot/..%2fsecret",
  "/boot/arm64/../../secret",
  "/boot/arm64/%2e%2e/%2e%2e/secret",
  "/boot/..\\secret",
  "/boot//..//secret",
  "/boot/%2fetc%2fpasswd",
  "/boot//etc/passwd",
  "/boot/snponly.efi%00",
  "/boot/snponly.efi%00.txt",
  "/boot/%",
  "/boot/%c0%ae%c0%ae/secret",
  "/boot/%ff",
  "/boot/",
  "/boot",
  "/boot/.",
  "/boot/arm64",
  "/boot/arm64/",
  "/boot/fifo",
  "/boot/out.efi",
  "/boot/out/passwd",
  "/boot/loop.efi",
  "/boot/.hidden",
  `/boot/${"a".repeat(255)}.efi`,
  `/boot/${"a".repeat(6000)}`,
  `/boot/${"a/".repeat(3000)}x`,
  `/boot/${"%2e%2e/".repeat(500)}etc/passwd`,
];

Deno.test({
  name:
    `/boot/NAME is a loader of the directory, and no name leads out of it or is waited for${WHY}`,
  ignore: IS_WINDOWS,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await prepare(root);
    const at = (name: string) => join(root, "loaders", name);
    await makeFifo(at("fifo"));
    await Deno.symlink(join(root, "secret"), at("out.efi"));
    await Deno.symlink("/etc", at("out"));
    await Deno.symlink("loop.efi", at("loop.efi"));
    await Deno.writeTextFile(at(".hidden"), "x");
    const { provider, url } = await serve(root);
    await using _provider = provider;
    const out = at("out.efi").replaceAll(".", "\\.");
    await provider.line(
      new RegExp(`WARN Ignoring "${out}": it links to ".*secret", outside`),
    );
    const port = Number(new URL(url).port);
    for (const target of HOSTILE) {
      const shown = target.slice(0, 80);
      const { text } = await rawHttp(
        port,
        [`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`],
        { enough: () => false, quietMs: 200, patienceMs: 10_000 },
      );
      assert.match(text, /^HTTP\/1\.1 (404|400|414|431) /, shown);
      assert.match(text, /\r\nContent-Length: \d+\r\n/, shown);
      const body = text.slice(text.indexOf("\r\n\r\n") + 4);
      const { error } = JSON.parse(body);
      assert.ok(error.length > 0 && error.length < 2000, shown);
      assert.ok(!error.includes(root), shown);
    }
    for (
      const target of [
        "/boot/snponly.efi",
        "//boot//snponly.efi",
        "/boot/snponly.efi/",
        "/boot/snponly.efi?mac=52:54:00",
        "/boot/snponly%2eefi",
        "http://elsewhere/boot/snponly.efi",
      ]
    ) {
      const { text } = await rawHttp(
        port,
        [`HEAD ${target} HTTP/1.1\r\nConnection: close\r\n\r\n`],
        { enough: () => false, quietMs: 200, patienceMs: 10_000 },
      );
      assert.match(text, /^HTTP\/1\.1 200 [\s\S]*\r\nContent-Length: 5000\r\n/);
    }
    const { code, stderr } = await provider.end("SIGTERM");
    assert.equal(code, 0, stderr);
    assert.equal(stderr.split(`Ignoring "${at("out.efi")}"`).length, 2);
  },
});

Deno.test({
  name:
    `SIGHUP takes another directory of loaders; one that is not there is named once, at the start, too${WHY}`,
  ignore: IS_WINDOWS,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await prepare(root);
    const configure = (loaders: string) =>
      Deno.writeTextFile(
        join(root, "plasmd.toml"),
        `[pxe]\nloaders = "${loaders}"\n`,
      );
    const warning = new RegExp(
      `WARN .*"${root}/nowhere".*no boot loaders are served until it is there, or loaders in \\[pxe\\]`,
    );
    await configure("nowhere");
    const dry = await run("plasmd", [...serveArgs(root), "--dry-run"]);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stderr, warning);
    const { provider, url } = await serve(root);
    await using _provider = provider;
    await provider.line(warning);
    const get = async (name: string) => await fetch(`${url}/boot/${name}`);
    const none = await get("snponly.efi");
    assert.equal(none.status, 404);
    assert.match((await none.json()).error, /cannot read its directory/);
    await configure("loaders");
    Deno.kill(provider.pid, "SIGHUP");
    await provider.line(/Reloaded the configuration: \[pxe\] loaders$/m);
    const found = await get("arm64/snponly.efi");
    assert.equal(found.status, 200);
    assert.deepEqual(
      await found.bytes(),
      await Deno.readFile(join(root, "loaders/arm64/snponly.efi")),
    );
    const { stderr } = await provider.end("SIGTERM");
    assert.equal(stderr.match(new RegExp(warning, "g"))?.length, 1);
  },
});
