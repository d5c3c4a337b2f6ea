/**
 * Boxes are not updated in step with providers. The programs of before
 * manifests had `files`, `initrds` and `pieces`, TXT records a `path` and trust
 * documents signatures by their own keys are taken from the history of this
 * repository: the earlier box has to find, verify and get what a provider of
 * today offers, and a box of today what the earlier provider does.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeBase64 } from "../../lib/core/base64.ts";
import { commandOutput } from "../support/command_output.ts";
import { makeFiles } from "../support/image_tree.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import type { ProgramName } from "../support/shipped_programs.ts";
import { runWell, writeKeys } from "../support/signed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

/** The last commit of before those members. */
const EARLIER = "eedf546086506af132c37922b9ecfacf7b0afa21";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Why the earlier programs cannot be had here; undefined when it can. */
async function obstacle(): Promise<string | undefined> {
  try {
    await commandOutput("git", ["-C", ROOT, "cat-file", "-e", EARLIER]);
    return undefined;
  } catch {
    return `no commit ${
      EARLIER.slice(0, 8)
    } here, as in a shallow clone or an archive`;
  }
}

/**
 * Unpacks the earlier programs. They are run from their source: the tools that
 * bundled them then do not work with every Deno of today.
 *
 * @returns how one of them is started
 */
async function unpackEarlier(
  directory: string,
  program: ProgramName,
): Promise<readonly string[]> {
  const archive = join(directory, "earlier.tar");
  const tree = join(directory, "earlier");
  await Deno.mkdir(tree);
  await commandOutput("git", [
    ...["-C", ROOT, "archive", "--output", archive, EARLIER],
  ]);
  await commandOutput("tar", ["-xf", archive, "-C", tree]);
  return [
    ...[Deno.execPath(), "run", "-A", "--no-prompt"],
    ...["--config", join(tree, "deno.json"), join(tree, `${program}.ts`)],
  ];
}

const [former, owner, heir] = await Promise.all([
  testSigningKey(51),
  testSigningKey(52),
  testSigningKey(53),
]);

/** Images of the specification's kind, and of what came later. */
async function makeImages(root: string, channel: string): Promise<void> {
  await makeFiles(join(root, "artifacts", channel), {
    "arm64/vmlinuz": 1 << 20,
    "arm64/initramfs.img": 300_000,
    "arm64/rootfs.squashfs": 65 << 20, // enough for pieces
    "arm64/board.dtb": 20_000,
    "arm64/cmdline": "console=ttyS0 quiet\n",
    "x86_64/vmlinuz": 1 << 20,
    "x86_64/initramfs.img": 300_000,
    "x86_64/ucode.img": 10_000,
    "x86_64/notes/README": "of no role\n",
    "x86_64/image.toml":
      'kernel = "vmlinuz"\ninitramfs = ["ucode.img", "initramfs.img"]\n',
  });
}

/** Version 1 for the box, and 2 for the provider, signed by old and new key. */
async function makeTrust(root: string): Promise<string> {
  await writeKeys(root, { "former.pem": former, "owner.pem": owner });
  const trustFile = (version: number, key: typeof owner) =>
    `trust_version = ${version}\nkeys = ["${key.publicKey.keyId}"]\n`;
  await makeFiles(root, {
    "trust-1.toml": trustFile(1, former),
    "trust-2.toml": trustFile(2, owner),
    "state/trust/.keep": "",
  });
  const document = join(root, "state/trust/2.json");
  await runWell([
    ...["trust", "sign", "--out", document, join(root, "trust-2.toml")],
    ...["former.pem", "owner.pem"].flatMap((key) => ["--key", join(root, key)]),
  ]);
  return join(root, "trust-1.toml");
}

/** The roles that a box of that time knows, fetched by their first URL. */
async function fetchRoles(manifestUrl: string): Promise<string[]> {
  const envelope = await (await fetch(manifestUrl)).json();
  const data = decodeBase64(envelope.signed.data);
  assert.ok(data !== undefined);
  const { artifacts } = JSON.parse(new TextDecoder().decode(data));
  const { kernel, initramfs, rootfs, dtbs = {} } = artifacts;
  const files = [kernel, initramfs, rootfs, ...Object.values(dtbs)];
  const fetched: string[] = [];
  for (const file of files) {
    if (file === undefined) continue;
    const { filename, hash, size, urls } = file;
    const reply = await fetch(new URL(urls[0], manifestUrl));
    const bytes = await reply.arrayBuffer();
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    assert.equal(bytes.byteLength, size, filename);
    assert.equal(`sha256:${new Uint8Array(digest).toHex()}`, hash, filename);
    fetched.push(filename);
  }
  return fetched;
}

const reason = await obstacle();

/** A test with the earlier programs, where they can be had. */
function earlierTest(name: string, body: () => Promise<void>): void {
  Deno.test({
    name: reason === undefined ? name : `${name} (skipped: ${reason})`,
    ignore: reason !== undefined,
    fn: body,
  });
}

earlierTest(
  "an earlier phase_discover finds, verifies and gets what is offered",
  async () => {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const runner = await unpackEarlier(root, "phase_discover");
    const channel = `earlier-${Deno.pid}`;
    await makeImages(root, channel);
    const trust = await makeTrust(root);
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", join(root, "artifacts")],
      ...["--channel", channel, "--arch", "arm64", "--arch", "x86_64"],
      ...["--interface", "lo", "--port", "0", "--p2p-port", "0"],
      ...["--signing-key", join(root, "owner.pem")],
      ...["--state-dir", join(root, "state")],
    ]);
    const [, node = ""] = await provider.line(/DHT node (\S+)/);
    await provider.line(/Advertising \S+\/x86_64/);
    const ways = {
      mdns: ["--mode", "lan"],
      dht: ["--mode", "wan", "--bootstrap", node],
    };
    const roles = {
      arm64: ["vmlinuz", "initramfs.img", "rootfs.squashfs", "board.dtb"],
      x86_64: ["vmlinuz", "initramfs.img"],
    };
    for (const [source, way] of Object.entries(ways)) {
      for (const [arch, names] of Object.entries(roles)) {
        const found = await run("phase_discover", [
          ...["--interface", "lo", "--format", "json", "--timeout", "20"],
          ...["--channel", channel, "--arch", arch, "--trust", trust, ...way],
        ], { runner });
        assert.equal(found.code, 0, found.stderr);
        const result = JSON.parse(found.stdout);
        assert.equal(result.source, source);
        assert.deepEqual(result.verified_by, [owner.publicKey.keyId]);
        assert.deepEqual(await fetchRoles(result.manifest_url), names);
      }
    }
  },
);

earlierTest(
  "a box of today follows what an earlier plasmd made, but no keys that nobody has shown to hold",
  async () => {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const at = (name: string) => join(root, name);
    const runner = await unpackEarlier(root, "plasmd");
    await writeKeys(root, {
      "former.pem": former,
      "owner.pem": owner,
      "heir.pem": heir,
    });
    const channel = `later-${Deno.pid}`;
    const trustFile = (version: number, key: typeof owner) =>
      `trust_version = ${version}\nkeys = ["${key.publicKey.keyId}"]\n`;
    await makeFiles(root, {
      [`artifacts/${channel}/arm64/vmlinuz`]: 100_000,
      "trust-1.toml": trustFile(1, former),
      "trust-2.toml": trustFile(2, owner),
      "trust-3.toml": trustFile(3, heir),
      "state/trust/.keep": "",
    });
    const sign = async (version: number, ...keys: string[]) => {
      const signed = await run("plasmd", [
        ...["trust", "sign", at(`trust-${version}.toml`)],
        ...["--out", at(`state/trust/${version}.json`)],
        ...keys.flatMap((key) => ["--key", at(key)]),
      ], { runner });
      assert.equal(signed.code, 0, signed.stderr);
    };
    await sign(2, "former.pem", "owner.pem");
    await sign(3, "owner.pem"); // all that it asked for
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", at("artifacts"), "--channel", channel],
      ...["--arch", "arm64", "--interface", "lo", "--port", "0", "--no-dht"],
      ...["--signing-key", at("owner.pem"), "--state-dir", at("state")],
    ], { runner });
    await provider.line(/Advertising /);
    for (const run of ["first", "again, with what it remembers"]) {
      await discoverToday(root, channel, run);
    }
    // What is missing can be added, without the keys before.
    await runWell(
      ["trust", "sign", "--key", at("heir.pem"), at("state/trust/3.json")],
    );
    const verified = await runWell([
      ...["trust", "verify", "--trust", at("trust-1.toml")],
      ...[2, 3].map((version) => at(`state/trust/${version}.json`)),
    ]);
    assert.equal(verified, "followed from 1 to 3\n");
  },
);

/** A box of today takes what the owner signed, and does not follow number 3. */
async function discoverToday(
  root: string,
  channel: string,
  what: string,
): Promise<void> {
  const found = await run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--timeout", "20"],
    ...["--channel", channel, "--arch", "arm64", "--format", "json"],
    ...["--trust", join(root, "trust-1.toml"), "--explain"],
    ...["--state", join(root, "box/state.json")],
  ]);
  assert.equal(found.code, 0, `${what}: ${found.stderr}`);
  const { verified_by } = JSON.parse(found.stdout);
  assert.deepEqual(verified_by, [owner.publicKey.keyId], what);
  assert.match(
    found.stderr,
    /Trust document 3 of .* is not followed: signed by 0 of its own successor keys, not by 1 \(below_threshold\)$/m,
    what,
  );
}
