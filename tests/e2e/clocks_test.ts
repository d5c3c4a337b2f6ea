/**
 * What SECURITY.md says of clocks, by the shipped programs: a box that is ahead
 * or behind, and boxes and providers whose clock was never set.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fakeClock, findFaketime } from "../support/faketime.ts";
import { makeFiles } from "../support/image_tree.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";

const faketime = findFaketime();
const NEVER_SET = "@2000-01-01 00:00:00";

/** A provider, and what boxes say to it. */
async function withClocks(
  channel: string,
  test: (
    /** @param time of a provider */
    serve: (time: string) => Promise<AsyncDisposable & { lines(): string[] }>,
    /** @param time of a box */
    box: (
      time: string,
    ) => Promise<{ code: number; reason: string; stderr: string }>,
  ) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  const image = `${channel}-${Deno.pid}`;
  await makeFiles(directory.path, {
    [`artifacts/${image}/arm64/vmlinuz`]: 1000,
  });
  const clockOf = async (time: string) => {
    const file = at(crypto.randomUUID());
    await Deno.writeTextFile(file, time);
    return { env: fakeClock(faketime ?? "", file) };
  };
  await test(
    async (time) => {
      const provider = start("plasmd", [
        ...["serve", "--artifacts", at("artifacts"), "--channel", image],
        ...["--arch", "arm64", "--interface", "lo", "--port", "0"],
        ...["--no-dht", "--state-dir", at("state")],
      ], await clockOf(time));
      await provider.line(/Advertising /);
      return provider;
    },
    async (time) => {
      const { stdout } = await run("plasmd", [
        ...["key", "show", "--state-dir", at("state"), "--format", "keyid"],
      ]);
      const found = await run("phase_discover", [
        ...["--interface", "lo", "--mode", "lan", "--timeout", "4"],
        ...["--channel", image, "--arch", "arm64", "--format", "json"],
        ...["--key", stdout.trim()],
      ], await clockOf(time));
      const [refused] = JSON.parse(found.stdout).refused ?? [];
      return { ...found, reason: refused?.reason };
    },
  );
}

function clockTest(name: string, body: () => Promise<void>): void {
  const obstacle = faketime === undefined
    ? "not installed: libfaketime"
    : undefined;
  Deno.test({
    name: obstacle === undefined ? name : `${name} (skipped: ${obstacle})`,
    ignore: obstacle !== undefined,
    fn: body,
  });
}

clockTest(
  "a box believes its clock, and takes what was made up to a day after the time that it shows with a warning, or always where it was never set",
  () =>
    withClocks("clock-of-box", async (serve, box) => {
      await using _provider = await serve("+0d");
      const cases = [
        ["+29d", undefined],
        ["+31d", "expired"],
        ["-4m", undefined],
        ["-23h", undefined],
        ["-25h", "from_the_future"],
      ] as const;
      for (const [time, reason] of cases) {
        const answer = await box(time);
        assert.equal(answer.code, reason === undefined ? 0 : 4, time);
        assert.equal(answer.reason, reason, time);
        const warns = /WARN .*clock/.test(answer.stderr);
        assert.equal(warns, time === "-23h", `${time}: ${answer.stderr}`);
      }
      const lost = await box(NEVER_SET);
      assert.equal(lost.code, 0, lost.stderr);
      assert.equal(
        lost.stderr,
        "WARN This machine's clock was never set: expiry is not checked\n",
      );
    }),
);

clockTest(
  "a provider whose clock was never set says that boxes refuse what it signs, until it is set",
  () =>
    withClocks("clock-of-provider", async (serve, box) => {
      {
        await using provider = await serve(NEVER_SET);
        assert.deepEqual(
          provider.lines().filter((line) => line.startsWith("WARN")),
          [
            "WARN This machine's clock was never set: set it, or boxes refuse what is signed here",
          ],
        );
        assert.equal((await box("+0d")).reason, "expired");
        assert.equal((await box(NEVER_SET)).code, 0);
      }
      await using provider = await serve("+0d");
      assert.equal((await box("+0d")).code, 0);
      assert.deepEqual(
        provider.lines().filter((line) => line.startsWith("WARN")),
        [],
      );
    }),
);

for (
  const [time, is, refused] of [
    ["+1h", "ahead of", "of the future"],
    ["-1h", "behind", "expired"],
  ] as const
) {
  clockTest(
    `a provider whose clock is an hour ${is} those of DHT nodes says so, and is not ready by the DHT`,
    async () => {
      await using directory = await temporaryDirectory();
      const at = (name: string) => join(directory.path, name);
      await makeFiles(directory.path, {
        "artifacts/stable/arm64/vmlinuz": 1000,
        clock: time,
      });
      const local = ["--interface", "lo", "--port", "0", "--p2p-port", "0"];
      await using meeting = start("plasmd", [
        ...["bootstrap", ...local, "--state-dir", at("meeting")],
      ]);
      const [, bootstrap = ""] = await meeting.line(/DHT node (\S+)/);
      await using provider = start("plasmd", [
        ...["serve", ...local, "--artifacts", at("artifacts"), "--no-mdns"],
        ...["--state-dir", at("state"), "--bootstrap", bootstrap],
      ], { env: fakeClock(faketime ?? "", at("clock")) });
      const problem =
        `the clock of this machine is 60 minutes ${is} those of other DHT nodes: set it, since clients refuse its records as ${refused}`;
      await provider.line(
        new RegExp(`WARN Images cannot be found over the DHT yet .${problem}`),
      );
      const [, base = ""] = await provider.line(/Serving on (\S+)/);
      const ready = await fetch(`${base}/ready`);
      assert.equal(ready.status, 503);
      await ready.body?.cancel();
      const { images } = await (await fetch(`${base}/status`)).json();
      assert.equal(images[0].advertised[0].problem, problem);
      const box = await run("phase_discover", [
        ...["--interface", "lo", "--mode", "wan", "--bootstrap", bootstrap],
        ...["--channel", "stable", "--arch", "arm64", "--timeout", "3"],
      ]);
      assert.equal(box.code, 3, box.stderr);
      assert.match(
        box.stderr,
        /DHT records of stable\/arm64 refused: record (is from the future|has expired) \(\d+\)/,
      );
      assert.ok(!provider.lines().some((line) => /Advertising /.test(line)));

      await Deno.writeTextFile(at("clock"), "+0h");
      await provider.line(/INFO Advertising stable\/arm64/);
      await provider.line(
        /INFO The DHT has peers now, and images can be found in it/,
      );
    },
  );
}

clockTest(
  "a bootstrap node whose clock is behind those of others says that it refuses their records",
  async () => {
    await using directory = await temporaryDirectory();
    const at = (name: string) => join(directory.path, name);
    await Deno.writeTextFile(at("clock"), "-20m");
    const meet = (name: string, args: string[], options = {}) =>
      start("plasmd", [
        ...["bootstrap", "--interface", "lo", "--port", "0"],
        ...["--p2p-port", "0", "--state-dir", at(name), ...args],
      ], options);
    await using meeting = meet("meeting", [], {
      env: fakeClock(faketime ?? "", at("clock")),
    });
    const [, bootstrap = ""] = await meeting.line(/DHT node (\S+)/);
    await using _other = meet("other", ["--bootstrap", bootstrap]);
    const problem =
      "Records of other DHT nodes are refused here as of the future: the clock of this machine is 20 minutes behind those of other DHT nodes, set it";
    await meeting.line(new RegExp(`WARN ${problem}`));
    const [, base = ""] = await meeting.line(/Status on (\S+)/);
    const { warnings } = await (await fetch(`${base}/status`)).json();
    assert.deepEqual(warnings, [problem]);
  },
);
