/** `phase_discover --fetch`: from a name to verified files. */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  makeOwnedImage,
  OWNED_CMDLINE,
  OWNED_FILES,
  type OwnedImage,
} from "../support/owned_image.ts";
import { openLanServer } from "../support/lan_server.ts";
import {
  type Ended,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { hasOpenssl } from "../support/openssl.ts";
import { certify } from "../support/private_authority.ts";
import { runWell } from "../support/signed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const owner = await testSigningKey(31);
const KEY = ["--key", owner.publicKey.keyId];

interface Lab extends AsyncDisposable {
  readonly root: string;
  readonly owned: OwnedImage;
  readonly out: string;
  /** Where the image is put. */
  readonly place: string;
}

async function openLab(channel: string): Promise<Lab> {
  const { path: root, ...directory } = await temporaryDirectory();
  const owned = await makeOwnedImage(root, channel, owner);
  const out = join(root, "out");
  const place = join(out, owned.name);
  return { ...directory, root, owned, out, place };
}

/** `plasmd serve` without a key of its own; resolves when it can be found. */
async function serve(
  { root, owned }: Lab,
  artifacts = owned.artifacts,
  ...more: string[]
): Promise<RunningProgram> {
  const { channel, arch } = owned.image;
  const provider = start("plasmd", [
    ...["serve", "--artifacts", artifacts, "--interface", "lo", "--port", "0"],
    ...["--channel", channel, "--arch", arch, "--no-dht"],
    ...["--state-dir", join(root, "state", encodeURIComponent(artifacts))],
    ...more,
  ]);
  await provider.line(new RegExp(`Advertising ${owned.name}\n`));
  return provider;
}

function discover({ owned }: Lab, ...more: string[]): Promise<Ended> {
  const { channel, arch } = owned.image;
  return run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--channel", channel],
    ...["--arch", arch, ...more],
  ]);
}

function fetchWith(lab: Lab, ...more: string[]): Promise<Ended> {
  return discover(lab, "--fetch", lab.out, ...more);
}

/** Every file below a directory, dot files and their directories too. */
async function filesBelow(directory: string, prefix = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${prefix}${name}`;
    if (name.startsWith(".")) paths.push(path);
    if (!isDirectory) paths.push(path);
    else paths.push(...await filesBelow(join(directory, name), `${path}/`));
  }
  return paths.sort();
}

const BY_PRODUCTS = [
  ...["cmdline", "cmdline.resolved", "initrd.kexec", "manifest.json"],
];

Deno.test("phase_discover --fetch puts an image into place, whole and as it was signed", async () => {
  await using lab = await openLab("fetched");
  const { owned, place } = lab;
  await using provider = await serve(lab);
  const [, url] = await provider.line(/Serving on (\S+)/);

  const fetched = await fetchWith(lab, ...KEY);

  assert.equal(fetched.code, 0, fetched.stderr);
  assert.deepEqual(
    await filesBelow(lab.out),
    [
      ...[...Object.keys(OWNED_FILES), ...BY_PRODUCTS]
        .map((path) => `${owned.name}/${path}`),
    ].sort(),
  );
  const read = (path: string) => Deno.readFile(join(place, path));
  for (const path of Object.keys(OWNED_FILES)) {
    const original = await Deno.readFile(join(owned.directory, path));
    assert.deepEqual(await read(path), original, path);
  }
  assert.deepEqual(await read("manifest.json"), owned.manifest);
  const text = (path: string) => Deno.readTextFile(join(place, path));
  assert.equal(await text("cmdline"), OWNED_CMDLINE);
  assert.equal(
    await text("cmdline.resolved"),
    OWNED_CMDLINE.replace("{url}", `${url}/${owned.name}`),
  );
  // Each begins at a multiple of four bytes (buffer-format.rst of the kernel).
  const joined = [...await read("intel-ucode.img"), 0, 0, 0];
  joined.push(...await read("initrd.img"));
  const made = [...await read("initrd.kexec")];
  assert.deepEqual(made.slice(0, joined.length), joined);
  assert.ok(made.length - joined.length < 4);

  // What is printed is what a script needs.
  const { stdout } = await new Deno.Command("sh", {
    args: [
      "-euc",
      `eval "$1"; wc -c <"$KERNEL"; wc -c <"$ROOTFS"; cat "$CMDLINE_FILE"; echo; ls "$DIRECTORY" "$DTB" "$INITRD"; echo "insecure=$INSECURE"`,
      ...["sh", fetched.stdout],
    ],
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    ...["100000", "300000", await text("cmdline.resolved")],
  ]);
  assert.equal(lines.at(-1), "insecure=");
});

Deno.test("phase_discover --fetch --format json tells programs what came, and how it goes", async () => {
  await using lab = await openLab("fetch-json");
  const { owned, place } = lab;
  await using _provider = await serve(lab);

  const names = ["--artifact", "kernel", "--artifact", "dtbs/board.dtb"];
  const fetched = await fetchWith(
    lab,
    ...[...KEY, ...names, "--format", "json", "--log-format", "json"],
  );

  assert.equal(fetched.code, 0, fetched.stderr);
  const digest = await crypto.subtle.digest("SHA-256", owned.manifest);
  const result = JSON.parse(fetched.stdout);
  assert.equal(result.manifest_sha256, new Uint8Array(digest).toHex());
  assert.equal(result.fetched, true);
  assert.equal(result.insecure, false);
  assert.deepEqual(result.verified_by, [owner.publicKey.keyId]);
  assert.equal(result.directory, place);
  assert.equal(result.initrd, null);
  assert.ok(result.received_bytes >= 100_500);
  assert.ok(result.seconds > 0);
  const { artifacts } = JSON.parse(new TextDecoder().decode(owned.manifest));
  const { "dtbs/board.dtb": board } = artifacts.dtbs;
  const files = [
    ["kernel", artifacts.kernel] as const,
    ["dtb", board] as const,
  ];
  assert.deepEqual(
    result.files,
    files.map(([role, { filename, hash, size }]) => ({
      ...{ path: filename, role, size, sha256: hash.slice(7) },
      file: join(place, filename),
    })),
  );
  assert.deepEqual(await filesBelow(place), [
    ...["cmdline", "cmdline.resolved", "dtbs/board.dtb", "manifest.json"],
    "vmlinuz",
  ]);
  const events = fetched.stderr.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(
    events.filter(({ event }) => event === "verified")
      .map(({ path, bytes, size }) => [path, bytes, size]).sort(),
    [["dtbs/board.dtb", 500, 500], ["vmlinuz", 100_000, 100_000]],
  );
  for (const { time, level, message } of events) {
    assert.ok(time && level && message);
  }
});

Deno.test("phase_discover --fetch needs --insecure where nobody is trusted, and says it again and again", async () => {
  await using lab = await openLab("fetch-insecure");
  await using _provider = await serve(lab);

  const refused = await fetchWith(lab);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--key or --trust.*--insecure/);
  const wrong = await discover(lab, "--artifact", "kernel");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--artifact without --fetch/);

  const text = await fetchWith(lab, "--insecure");
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^INSECURE=1$/m);
  const json = await fetchWith(lab, "--insecure", "--format", "json");
  assert.equal(JSON.parse(json.stdout).insecure, true);
  const quiet = await fetchWith(lab, "--insecure", "--quiet");
  assert.equal(quiet.stdout, `${lab.place}\n`);
  for (const { stderr } of [text, json, quiet]) {
    assert.match(stderr, /NOT VERIFIED/);
  }
});

Deno.test("phase_discover --fetch leaves what was there where it finds nothing, nothing that verifies, or not all", async () => {
  await using lab = await openLab("fetch-codes");
  const { owned } = lab;
  const before = join(lab.place, "vmlinuz");
  await Deno.mkdir(lab.place, { recursive: true });
  await Deno.writeTextFile(before, "the old one");
  const json = ["--format", "json"];

  const nobody = await fetchWith(lab, ...KEY, "--timeout", "1", ...json);
  assert.equal(nobody.code, 3, nobody.stderr);

  const { keyId } = (await testSigningKey(32)).publicKey;
  await using provider = await serve(lab);
  const others = await fetchWith(
    lab,
    ...["--key", keyId, "--timeout", "2", ...json],
  );
  assert.equal(others.code, 4, others.stderr);

  const missing = await fetchWith(lab, ...KEY, ...json, "--artifact", "none");
  assert.equal(missing.code, 5, missing.stderr);
  assert.match(
    missing.stderr,
    /has no "none"; it has kernel \(vmlinuz\), initramfs \(initrd\.img\)/,
  );
  const { reason, cause, error, manifest_url } = JSON.parse(missing.stdout);
  assert.deepEqual([reason, cause], ["not_fetched", "no_artifact"]);
  assert.match(error, new RegExp(`^Cannot fetch ${owned.name}: `));
  assert.match(manifest_url, /manifest\.json$/);
  await provider.end("SIGTERM");

  assert.equal(await Deno.readTextFile(before), "the old one");
  assert.deepEqual(await filesBelow(lab.place), ["vmlinuz"]);
});

Deno.test("phase_discover --fetch ends with 5 where a file is not to be had, or not in time", async () => {
  await using lab = await openLab("fetch-incomplete");
  const { owned } = lab;
  let answer: () => Response = () => new Response(null, { status: 404 });
  await using _server = await openLanServer({
    ...{ name: "incomplete", image: owned.image },
    handler: ({ url }) =>
      url.endsWith("manifest.json") ? new Response(owned.manifest) : answer(),
  });
  const kernel = [...KEY, "--artifact", "kernel", "--format", "json"];

  const gone = await fetchWith(lab, ...kernel);
  assert.equal(gone.code, 5, gone.stderr);
  assert.match(gone.stderr, /looking for it once more/);
  assert.equal(JSON.parse(gone.stdout).reason, "not_fetched");

  // It sends something, and never the rest.
  answer = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(1000)),
      }),
      { headers: { "Content-Length": "100000" } },
    );
  const slow = await fetchWith(lab, ...kernel, "--timeout", "3");
  assert.equal(slow.code, 5, slow.stderr);
  assert.ok(slow.elapsedMs < 15_000);
  const { cause, error } = JSON.parse(slow.stdout);
  assert.equal(cause, "timeout");
  assert.match(error, /more than the 3 s of --timeout/);
  await assert.rejects(Deno.stat(lab.place), Deno.errors.NotFound);
});

Deno.test("phase_discover --fetch takes the newer image where the one that it found is gone", async () => {
  await using lab = await openLab("fetch-replaced");
  const { owned, root } = lab;
  const { channel, arch } = owned.image;
  const kernel = crypto.getRandomValues(new Uint8Array(5000));
  await Deno.writeFile(join(owned.directory, "vmlinuz"), kernel);
  await runWell([
    ...["manifest", "generate", "--artifacts", owned.artifacts],
    ...["--channel", channel, "--arch", arch],
  ]);
  const path = join(owned.directory, "manifest.json");
  await runWell(["manifest", "sign", path, "--key", join(root, "owner.pem")]);
  const newer = await Deno.readFile(path);
  let manifestsSent = 0;
  await using _server = await openLanServer({
    ...{ name: "replaced", image: owned.image },
    handler({ url }) {
      if (url.endsWith("manifest.json")) {
        return new Response(++manifestsSent === 1 ? owned.manifest : newer);
      }
      return manifestsSent === 1
        ? new Response(null, { status: 404 })
        : new Response(kernel);
    },
  });

  const fetched = await fetchWith(lab, ...KEY, "--artifact", "kernel");

  assert.equal(fetched.code, 0, fetched.stderr);
  assert.match(fetched.stderr, /WARN .*; looking for it once more/);
  assert.deepEqual(await Deno.readFile(join(lab.place, "vmlinuz")), kernel);
  assert.deepEqual(
    await Deno.readFile(join(lab.place, "manifest.json")),
    newer,
  );
});

Deno.test("what phase_discover --fetch has put into place is served as it is, to those who trust its owner", async () => {
  await using lab = await openLab("fetch-mirrored");
  const { owned, place } = lab;
  {
    await using _provider = await serve(lab);
    assert.equal((await fetchWith(lab, ...KEY)).code, 0);
  }
  await using mirror = await serve(lab, lab.out);
  assert.doesNotMatch(mirror.lines().join("\n"), /WARN|signing key/);

  const third = join(lab.root, "third");
  const fetched = await discover(lab, ...KEY, "--fetch", third);

  assert.equal(fetched.code, 0, fetched.stderr);
  const again = join(third, owned.name);
  assert.deepEqual(await filesBelow(again), await filesBelow(place));
  for (const path of [...Object.keys(OWNED_FILES), "manifest.json"]) {
    const [one, other] = [place, again].map((at) =>
      Deno.readFile(join(at, path))
    );
    assert.deepEqual(await one, await other, path);
  }
});

Deno.test("without the owner's manifest, what was made beside an image is no part of it", async () => {
  await using lab = await openLab("fetch-unsigned");
  {
    await using _provider = await serve(lab);
    assert.equal((await fetchWith(lab, ...KEY)).code, 0);
  }
  await Deno.remove(join(lab.place, "manifest.json"));
  const { channel, arch } = lab.owned.image;
  await runWell([
    ...["manifest", "generate", "--artifacts", lab.out],
    ...["--channel", channel, "--arch", arch],
  ]);
  const made = await Deno.readTextFile(join(lab.place, "manifest.json"));
  const original = new TextDecoder().decode(lab.owned.manifest);
  const { cmdline, artifacts, initrds } = JSON.parse(made);
  assert.equal(cmdline, OWNED_CMDLINE);
  assert.deepEqual(artifacts, JSON.parse(original).artifacts);
  assert.deepEqual(initrds, JSON.parse(original).initrds);
});

Deno.test({
  name: `phase_discover --fetch --ca takes files over https${
    hasOpenssl ? "" : " (skipped: needs OpenSSL 3)"
  }`,
  ignore: !hasOpenssl,
  async fn() {
    await using lab = await openLab("fetch-tls");
    const { ca, cert, key } = await certify(lab.root);
    let backend = 0;
    await using proxy = Deno.serve({
      ...{ hostname: "127.0.0.1", port: 0, cert, key },
      onListen: () => {},
    }, ({ url, headers }) => {
      const { pathname } = new URL(url);
      return fetch(`http://127.0.0.1:${backend}${pathname}`, { headers });
    });
    const url = `https://127.0.0.1:${proxy.addr.port}`;
    await using provider = await serve(
      lab,
      ...[lab.owned.artifacts, "--advertise-url", url],
    );
    const [, port] = await provider.line(/Serving on http:.*:(\d+)/);
    backend = Number(port);

    const fetched = await fetchWith(lab, ...KEY, "--ca", ca);

    assert.equal(fetched.code, 0, fetched.stderr);
    assert.match(fetched.stdout, new RegExp(`^MANIFEST_URL=${url}/`));
    const cmdline = join(lab.place, "cmdline.resolved");
    assert.match(await Deno.readTextFile(cmdline), /^root=https:/);
  },
});
