/**
 * `phase_discover --fetch` beyond one provider that is there all the time, and
 * what becomes of the files.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  discover,
  fetchWith,
  filesBelow,
  KEY,
  openLab,
  serve,
} from "../support/fetch_command_lab.ts";
import { openLanServer } from "../support/lan_server.ts";
import { OWNED_CMDLINE, OWNED_FILES } from "../support/owned_image.ts";
import { start } from "../support/programs.ts";
import { runWell } from "../support/signed_image.ts";

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

Deno.test("phase_discover --fetch asks a provider, too, that comes when another has stopped midway", async () => {
  await using lab = await openLab("fetch-further");
  const { owned } = lab;
  const asked = Promise.withResolvers<void>();
  await using _first = await openLanServer({
    ...{ name: "stops", image: owned.image },
    handler({ url }) {
      if (url.endsWith("manifest.json")) return new Response(owned.manifest);
      asked.resolve();
      // It has begun, and goes on at no time.
      return new Response(new ReadableStream({}), {
        headers: { "Content-Length": "100000" },
      });
    },
  });
  const fetching = fetchWith(lab, ...KEY);
  await asked.promise;
  await using second = await serve(lab);
  const [, url] = await second.line(/Serving on (\S+)/);

  const fetched = await fetching;

  assert.equal(fetched.code, 0, fetched.stderr);
  assert.doesNotMatch(fetched.stderr, /once more/);
  assert.ok(!fetched.stdout.includes(url ?? ""), "the first had the manifest");
  assert.deepEqual(
    await Deno.readFile(join(lab.place, "vmlinuz")),
    await Deno.readFile(join(owned.directory, "vmlinuz")),
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

Deno.test("an image that phase_discover --fetch has put into place is served whatever its files are called", async () => {
  const named = [
    ...['kernel = "boot/linux.bin"', 'rootfs = "system.bin"'],
    'initramfs = ["first.bin", "main.bin", "last.bin"]',
  ];
  const files = {
    ...{ "boot/linux.bin": 50_000, "system.bin": 60_000 },
    ...{ "first.bin": 1001, "main.bin": 20_001, "last.bin": 303 },
  };
  await using lab = await openLab("fetch-named", {
    ...files,
    "image.toml": named.join("\n"),
  });
  const { owned, place } = lab;
  {
    await using _provider = await serve(lab);
    assert.equal((await fetchWith(lab, ...KEY)).code, 0);
  }
  await using again = await serve(lab, lab.out);
  // Whatever others multicast on loopback meanwhile.
  assert.doesNotMatch(
    again.lines().join("\n"),
    /WARN (?!mdns)|signing key/,
  );
  const [, url] = await again.line(/Serving on (\S+)/);
  const served = await fetch(`${url}/${owned.name}/manifest.json`);
  assert.deepEqual(await served.bytes(), owned.manifest);

  const third = join(lab.root, "third");
  const fetched = await discover(lab, ...KEY, "--fetch", third);

  assert.equal(fetched.code, 0, fetched.stderr);
  for (const path of [...Object.keys(files), "manifest.json"]) {
    const [one, other] = [owned.directory, join(third, owned.name)]
      .map((at) => Deno.readFile(join(at, path)));
    assert.deepEqual(await one, await other, path);
  }
  assert.deepEqual(
    await filesBelow(join(third, owned.name)),
    await filesBelow(place),
  );
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

Deno.test("phase_discover --fetch goes on where it was interrupted, and fetches nothing that is there", async () => {
  await using lab = await openLab("fetch-resumed");
  const { owned } = lab;
  const { channel, arch } = owned.image;
  const kernel = ["--artifact", "kernel", "--format", "json"];
  {
    await using _first = await openLanServer({
      ...{ name: "half", image: owned.image },
      async handler({ url }) {
        if (url.endsWith("manifest.json")) return new Response(owned.manifest);
        const half = (await Deno.readFile(join(owned.directory, "vmlinuz")))
          .subarray(0, 50_000);
        return new Response(
          new ReadableStream({ start: (body) => body.enqueue(half) }),
          { headers: { "Content-Length": "100000" } },
        );
      },
    });
    await using interrupted = start("phase_discover", [
      ...["--interface", "lo", "--mode", "lan", "--channel", channel],
      ...["--arch", arch, ...KEY, "--fetch", lab.out, ...kernel],
    ]);
    await interrupted.line(/"event":"progress"/);
    const { code, stdout } = await interrupted.end("SIGTERM");
    assert.equal(code, 130);
    assert.equal(JSON.parse(stdout).reason, "interrupted");
  }
  await assert.rejects(Deno.stat(lab.place), Deno.errors.NotFound);

  await using _second = await serve(lab);
  const resumed = await fetchWith(lab, ...KEY, ...kernel);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(
    resumed.stderr,
    /"event":"resumed","path":"vmlinuz","bytes":[1-9]/,
  );
  assert.ok(JSON.parse(resumed.stdout).received_bytes < 100_000);

  const again = await fetchWith(lab, ...KEY, ...kernel);
  assert.match(again.stderr, /"event":"kept","path":"vmlinuz"/);
  const { changed, received_bytes } = JSON.parse(again.stdout);
  assert.deepEqual([changed, received_bytes], [false, 0]);
});

Deno.test("phase_discover --fetch refuses a link in the place of an image, and leaves it", async () => {
  await using lab = await openLab("fetch-link");
  const { place, root } = lab;
  const release = join(root, "release");
  await Deno.mkdir(join(place, ".."), { recursive: true });
  await Deno.mkdir(release);
  await Deno.writeFile(join(release, "manifest.json"), lab.owned.manifest);
  await Deno.symlink(release, place);
  await using _provider = await serve(lab);

  const refused = await fetchWith(lab, ...KEY, "--format", "json");

  assert.equal(refused.code, 5, refused.stderr);
  const { cause, error } = JSON.parse(refused.stdout);
  assert.equal(cause, "disk");
  assert.ok(error.includes(`"${place}" is a symbolic link`), error);
  assert.equal(await Deno.readLink(place), release);
  assert.deepEqual(await filesBelow(release), ["manifest.json"]);
});
