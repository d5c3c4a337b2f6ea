/** Where the programs listen: hosts by name, and ports that cannot be had. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
  type Ended,
  type ProgramOptions,
  run,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** The options of a provider of one image, without those of where to listen. */
async function provider(path: string): Promise<readonly string[]> {
  await makeFiles(path, { "artifacts/stable/arm64/vmlinuz": 10 });
  return [
    ...["serve", "--artifacts", join(path, "artifacts"), "--no-mdns"],
    ...["--channel", "stable", "--arch", "arm64"],
    ...["--state-dir", join(path, "state")],
  ];
}

/** Asserts that a program was refused before it did anything. */
async function assertRefused(
  path: string,
  { code, stderr }: Ended,
  says: RegExp,
): Promise<void> {
  assert.equal(code, 2, stderr);
  assert.match(stderr, says);
  assert.equal(stderr.trim().split("\n").length, 1, stderr);
  await assert.rejects(Deno.stat(join(path, "state")), Deno.errors.NotFound);
}

Deno.test("--bind takes the name of a host, for HTTP and the DHT", async () => {
  await using directory = await temporaryDirectory();
  await using served = start("plasmd", [
    ...await provider(directory.path),
    ...["--bind", "localhost", "--port", "0", "--p2p-port", "0"],
  ]);
  const [, url = ""] = await served.line(/Serving on (\S+)/);
  assert.equal(new URL(url).hostname, "127.0.0.1");
  await served.line(/DHT node \/ip4\/127\.0\.0\.1\/tcp\/\d+\//);
});

Deno.test("--bind with a name that leads nowhere is refused before anything starts", async () => {
  await using directory = await temporaryDirectory();
  const ended = await run("plasmd", [
    ...await provider(directory.path),
    ...["--bind", "nobody.invalid", "--port", "0"],
  ]);
  await assertRefused(directory.path, ended, /--bind "nobody\.invalid"/);
});

Deno.test("plasmd bootstrap takes a host by its name, too", async () => {
  await using directory = await temporaryDirectory();
  const config = join(directory.path, "plasmd.toml");
  await Deno.writeTextFile(config, '[provider]\nbind = "localhost"\n');
  await using node = start("plasmd", [
    ...["bootstrap", "--config", config, "--p2p-port", "0"],
    ...["--state-dir", join(directory.path, "state")],
  ]);
  await node.line(/DHT node \/ip4\/127\.0\.0\.1\/tcp\/\d+\//);
});

/** How a DHT node that is to listen here ends. */
async function bootstrapAt(
  bind: string,
  port: string | undefined,
  options: ProgramOptions = {},
): Promise<Ended> {
  await using directory = await temporaryDirectory();
  const config = join(directory.path, "plasmd.toml");
  await Deno.writeTextFile(config, `[provider]\nbind = "${bind}"\n`);
  return await run("plasmd", [
    ...["bootstrap", "--config", config],
    ...port === undefined ? [] : ["--p2p-port", port],
    ...["--state-dir", join(directory.path, "state")],
  ], options);
}

Deno.test("an address that the machine lacks is not a port that is taken", async () => {
  const { code, stderr } = await bootstrapAt("192.0.2.7", undefined);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^ERROR Cannot listen .*does not have that address/m);
  assert.match(stderr, /--bind$/m);
  assert.doesNotMatch(stderr, /free one| in use|^\s+at |ext:/m);
});

Deno.test("a busy port of the DHT that was asked for is named, with its option", async () => {
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(busy.addr.port);
  const { code, stderr } = await bootstrapAt("127.0.0.1", port);
  assert.equal(code, 2, stderr);
  assert.match(stderr, new RegExp(`${port}: .*in use.*--p2p-port$`, "m"));
});

const CANNOT_DROP = Deno.build.os !== "linux" || Deno.uid() !== 0;
Deno.test({
  name: `a port that may not be used is not one that is taken${
    CANNOT_DROP ? " (skipped: only root on Linux can give up the right)" : ""
  }`,
  ignore: CANNOT_DROP,
  async fn() {
    const prefix = ["setpriv", "--bounding-set", "-net_bind_service"];
    const dht = await bootstrapAt("127.0.0.1", "80", { prefix });
    assert.equal(dht.code, 2, dht.stderr);
    assert.match(dht.stderr, /above 1023 with --p2p-port$/m);
    await using directory = await temporaryDirectory();
    const http = await run("plasmd", [
      ...await provider(directory.path),
      ...["--interface", "lo", "--port", "80", "--no-dht"],
    ], { prefix });
    assert.equal(http.code, 2, http.stderr);
    assert.match(http.stderr, /above 1023 with --port$/m);
  },
});
