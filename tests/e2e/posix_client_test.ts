import assert from "node:assert/strict";
import { join } from "node:path";
import type { JsonObject } from "../../lib/manifest/canonical_json.ts";
import { formatTimestamp } from "../../lib/manifest/timestamp.ts";
import {
  artifactOf,
  ClientBox,
  contentOf,
  FILES,
  lyingProvider,
  owner,
  posixClientObstacle,
  sealed,
  type Shell,
  SHELLS,
  stranger,
} from "../support/posix_client.ts";
import { start, temporaryDirectory } from "../support/programs.ts";
import { sha256Hex } from "../support/memory_catalog.ts";
import { makeFiles } from "../support/image_tree.ts";
import { writeKeys } from "../support/signed_image.ts";

const DAY_MS = 86_400_000;
const obstacle = await posixClientObstacle();

/** A test in each of the shells. */
function clientTest(
  name: string,
  body: (box: ClientBox, shell: Shell) => Promise<void>,
): void {
  for (const shell of SHELLS) {
    const skipped = obstacle === undefined ? "" : ` (skipped: ${obstacle})`;
    Deno.test({
      name: `posix-client.sh in ${shell.name} ${name}${skipped}`,
      ignore: obstacle !== undefined,
      async fn() {
        await using box = await ClientBox.open(shell);
        await body(box, shell);
      },
    });
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(directory)) names.push(name);
  return names.sort();
}

/** The image in a box, path to text. */
async function imageIn(box: ClientBox): Promise<Record<string, string>> {
  const directory = join(box.images, "stable/arm64");
  const files: Record<string, string> = {};
  for (const name of await entriesOf(directory)) {
    files[name] = await Deno.readTextFile(join(directory, name));
  }
  return files;
}

clientTest("fetches from plasmd what kexec needs", async (box) => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const cmdline = 'q="a b" back\\slash root={url}/r sum={sha256:kernel}';
  await makeFiles(join(path, "artifacts/stable/arm64"), {
    ...{ "vmlinuz": "kernel", "z-ucode.img": "first", "initrd.img": "second" },
    ...{ "rootfs.img": 100_000, cmdline, version: "7" },
    "image.toml": 'kernel = "vmlinuz"\nrootfs = "rootfs.img"\n' +
      'initramfs = ["z-ucode.img", "initrd.img"]\n',
  });
  await writeKeys(path, { "signing.pem": owner });
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", join(path, "artifacts")],
    ...["--signing-key", join(path, "signing.pem")],
    ...["--state-dir", join(path, "state"), "--no-dht", "--no-mdns"],
    ...["--bind", "127.0.0.1", "--port", "0"],
  ]);
  const [, base] = await provider.line(/Serving on (\S+)/);
  await provider.line(/Found 1 /);
  const url = `${base}/stable/arm64`;

  const { code, stdout, stderr } = await box.fetch(`${url}/manifest.json`);

  assert.equal(code, 0, stderr);
  const place = `${box.images}/stable/arm64`;
  assert.deepEqual(stdout.split("\n"), [
    `DIRECTORY='${place}'`,
    `KERNEL='${place}/vmlinuz'`,
    `INITRD='${place}/initrd.kexec'`,
    `CMDLINE_FILE='${place}/cmdline.resolved'`,
    "",
  ]);
  const { "manifest.json": manifest, ...files } = await imageIn(box);
  assert.equal(JSON.parse(manifest ?? "").version, "7");
  const sum = await sha256Hex(new TextEncoder().encode("kernel"));
  assert.deepEqual({ ...files, "cmdline.resolved": "" }, {
    ...{ "vmlinuz": "kernel", "z-ucode.img": "first", "initrd.img": "second" },
    ...{
      cmdline,
      "cmdline.resolved": "",
      "initrd.kexec": "first\0\0\0second\0\0",
    },
  });
  assert.equal(
    files["cmdline.resolved"],
    `q="a b" back\\slash root=${url}/r sum=${sum}`,
  );

  const all = await box.run("--all", box.images, `${url}/manifest.json`);
  assert.equal(all.code, 0, all.stderr);
  const { size } = await Deno.stat(
    join(box.images, "stable/arm64/rootfs.img"),
  );
  assert.equal(size, 100_000);
});

/** Manifests that are refused, each good but for one thing. */
async function refusedManifests(): Promise<Record<string, BodyInit>> {
  const good = await contentOf();
  const text = await sealed(good);
  const edited = (change: (members: JsonObject) => JsonObject) =>
    JSON.stringify(change(JSON.parse(text)));
  const otherData = (content: JsonObject) =>
    edited((members) => ({
      ...content,
      signatures: members.signatures ?? [],
      signed: {
        data: new TextEncoder().encode(JSON.stringify(content)).toBase64(),
      },
    }));
  const now = Date.now();
  const signed = async (changes: JsonObject) =>
    await sealed({ ...good, ...changes });
  return {
    "signed by another key": await sealed(good, [stranger]),
    "another's signature under the owner's name": (await sealed(good, [
      stranger,
    ])).replace(stranger.publicKey.keyId, owner.publicKey.keyId),
    "other members outside": edited((members) => ({
      ...members,
      cmdline: "init=/bin/sh",
    })),
    "a member less outside": edited(({ cmdline: _, ...members }) => members),
    "a text outside that reads as rows": text.replace(
      '"channel":"stable"',
      '"channel":"stable\n"stable\tchannel"',
    ),
    "other bytes under the signature": otherData({
      ...good,
      cmdline: "init=/bin/sh",
    }),
    "another channel": await signed({ channel: "testing" }),
    "another architecture": await signed({ arch: "x86_64" }),
    "no version": await signed({ manifest_version: "1000" }),
    "expired": await signed({ expires_at: formatTimestamp(now - 1000) }),
    "no date": await signed({ expires_at: "never" }),
    "from the future": await signed({
      created_at: formatTimestamp(now + 2 * DAY_MS),
      expires_at: formatTimestamp(now + 9 * DAY_MS),
    }),
    "control characters for the kernel": await signed({ cmdline: "a\nb" }),
    "no kernel": await signed({ artifacts: {} }),
    "no JSON": "<html></html>",
    "cut off": text.slice(0, -1),
    "something behind it": `${text}{}`,
    "a byte of zero": `\0${text}`,
    "deep": "[".repeat(1000),
  };
}

clientTest("refuses what its owner did not sign for this box", async (box) => {
  for (const [what, manifest] of Object.entries(await refusedManifests())) {
    await using provider = lyingProvider(manifest);
    const { code, stderr } = await box.fetch(provider.manifestUrl);
    assert.equal(code, 4, `${what}: ${stderr}`);
    assert.match(stderr, /^posix-client\.sh: http\S+: [^\n]+\n$/, what);
    assert.deepEqual(provider.asked, [], what);
    assert.deepEqual(await entriesOf(box.images), [], what);
  }
});

clientTest("refuses files that could lie elsewhere", async (box) => {
  for (
    const name of [
      ...["../vmlinuz", "/vmlinuz", "a/../../vmlinuz", "a//vmlinuz", "a/"],
      ...[".vmlinuz", "a/.vmlinuz", "-rf", "a/-rf", "a b", "$(id)", "a;b"],
      ...["a\\b", 'a"b', "a\tb", "ä", "", "manifest.json", "cmdline/a"],
      ...["initrd.kexec", "cmdline.resolved"],
    ]
  ) {
    const kernel = await artifactOf("vmlinuz", { filename: name });
    await using provider = lyingProvider(
      await sealed(await contentOf({ artifacts: { kernel } })),
    );
    const { code, stderr } = await box.fetch(provider.manifestUrl);
    assert.equal(code, 4, `${name}: ${stderr}`);
    assert.deepEqual(provider.asked, [], name);
    assert.deepEqual(await entriesOf(box.images), [], name);
  }
});

clientTest("refuses hashes and sizes that are none", async (box) => {
  for (
    const changes of [
      { hash: "sha256:" + "g".repeat(64) },
      { hash: "sha256:../../../stable/arm64/manifest.json" },
      { hash: "md5:" + "0".repeat(32) },
      { size: -1 },
      { size: "8" },
      { size: 1e20 },
    ]
  ) {
    const kernel = await artifactOf("vmlinuz", changes);
    await using provider = lyingProvider(
      await sealed(await contentOf({ artifacts: { kernel } })),
    );
    const { code, stderr } = await box.fetch(provider.manifestUrl);
    assert.equal(code, 4, `${JSON.stringify(changes)}: ${stderr}`);
    assert.deepEqual(provider.asked, []);
  }
});

clientTest("keeps nothing of a file that comes otherwise", async (_, shell) => {
  const answers: Record<string, (content: string) => Response> = {
    "cut off": (content) => new Response(content.slice(1)),
    "other bytes": (content) => new Response("x".repeat(content.length)),
    "more bytes": (content) => new Response(`${content}x`),
    "without an end": () => new Response(endless()),
    "missing": () => new Response("", { status: 404 }),
  };
  await Promise.all(
    Object.entries(answers).map(async ([what, answer]) => {
      await using box = await ClientBox.open(shell);
      await using provider = lyingProvider(
        await sealed(await contentOf()),
        answer,
      );
      const { code, stderr } = await box.fetch(provider.manifestUrl);
      assert.equal(code, 5, `${what}: ${stderr}`);
      assert.match(stderr, /img did not come as it was signed/, what);
      assert.deepEqual(await entriesOf(box.images), [], what);
    }),
  );
});

function endless(): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(1 << 16);
  return new ReadableStream({
    pull: (controller) => controller.enqueue(chunk),
  });
}

clientTest("reads no more of a manifest than 1 MiB", async (box) => {
  await using provider = lyingProvider(endless());
  const { code, stderr } = await box.fetch(provider.manifestUrl);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /more than 1 MiB/);
});

clientTest("takes the next provider in place of a liar", async (box) => {
  await using liar = lyingProvider(
    await sealed(await contentOf(), [stranger]),
  );
  await using honest = lyingProvider(await sealed(await contentOf()));
  const { code, stderr } = await box.fetch(
    "http://127.0.0.1:1/stable/arm64/manifest.json",
    ...[liar.manifestUrl, honest.manifestUrl],
  );
  assert.equal(code, 0, stderr);
  assert.equal((await imageIn(box)).vmlinuz, FILES.vmlinuz);
});

clientTest("remembers what it took, and takes nothing older", async (box) => {
  const take = async (changes: JsonObject, now?: number) => {
    await using provider = lyingProvider(
      await sealed(await contentOf(changes, now)),
    );
    return await box.fetch(provider.manifestUrl);
  };
  const old = { cmdline: "old" };
  assert.equal((await take(old)).code, 0);
  assert.equal((await take(old, Date.now() + 60_000)).code, 0, "renewed");
  const other = await take({ cmdline: "other" });
  assert.equal(other.code, 4);
  assert.match(other.stderr, /another content/);
  assert.equal((await imageIn(box)).cmdline, "old");

  const next = { cmdline: "new", manifest_version: 1001 };
  assert.equal((await take(next)).code, 0);
  assert.equal((await imageIn(box)).cmdline, "new");
  const again = await take(old);
  assert.equal(again.code, 4);
  assert.match(again.stderr, /1000 is older than 1001/);
  assert.equal((await imageIn(box)).cmdline, "new");
  assert.deepEqual(await entriesOf(box.images), ["stable"]);
});

clientTest("follows no link that is in its way", async (box) => {
  await using elsewhere = await temporaryDirectory();
  await Deno.symlink(elsewhere.path, join(box.images, "stable"));
  await using provider = lyingProvider(await sealed(await contentOf()));
  const { code, stderr } = await box.fetch(provider.manifestUrl);
  assert.equal(code, 5);
  assert.match(stderr, /stable is a symbolic link/);
  assert.deepEqual(await entriesOf(elsewhere.path), []);
});

clientTest("says what is wrong with its command line", async (box) => {
  const url = "http://127.0.0.1:1/stable/arm64/manifest.json";
  for (
    const [args, message] of [
      [[], /name a directory and a URL/],
      [["--no-such", box.images, url], /no option --no-such/],
      [["--key", "nowhere", box.images, url], /--key names no file/],
      [["--key", "/etc/passwd", box.images, url], /no public key in PEM/],
      [["--channel", "../a", box.images, url], /no channel/],
      [[box.images, "file:///etc/passwd"], /no URL/],
      [[box.images, `${url}\\x"`], /no URL/],
    ] as const
  ) {
    const { code, stderr } = await box.run(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});
