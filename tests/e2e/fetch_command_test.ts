/** `phase_discover --fetch`: from a name to verified files. */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  BY_PRODUCTS,
  discover,
  fetchWith,
  filesBelow,
  KEY,
  openLab,
  OWNER,
  serve,
} from "../support/fetch_command_lab.ts";
import { openLanServer } from "../support/lan_server.ts";
import { hasOpenssl } from "../support/openssl.ts";
import { OWNED_CMDLINE, OWNED_FILES } from "../support/owned_image.ts";
import { certify } from "../support/private_authority.ts";
import { testSigningKey } from "../support/signing_keys.ts";

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
  assert.deepEqual(result.verified_by, [OWNER.publicKey.keyId]);
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
  assert.match(error, /time is up.* is kept for the next attempt/);
  await assert.rejects(Deno.stat(lab.place), Deno.errors.NotFound);
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
