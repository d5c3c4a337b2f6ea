import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
  type ProgramOptions,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** More than a pipe holds, 64 KiB, and less than the queue does. */
const WARNINGS = 1000;

/** Starts a program with its output as the shell redirects it. */
function redirected(
  redirections: string,
  env: Record<string, string> = {},
): ProgramOptions {
  return { prefix: ["sh", "-c", `exec "$0" "$@" ${redirections}`], env };
}

/** A pipe with a name, which this process holds open and reads when it wants. */
async function makePipe(
  path: string,
): Promise<Disposable & { path: string; file: Deno.FsFile }> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] })
    .output();
  assert.ok(success);
  const file = await Deno.open(path, { read: true, write: true });
  return { path, file, [Symbol.dispose]: () => file.close() };
}

async function readUntil(file: Deno.FsFile, end: string): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  while (!text.includes(end)) {
    const count = await file.read(buffer) ?? 0;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

/** Fills a pipe, so that the next byte has to wait. */
async function fill(path: string): Promise<void> {
  const script = "import os, sys\n" +
    "pipe = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)\n" +
    "try:\n" +
    "    while os.write(pipe, b'.'): pass\n" +
    "except BlockingIOError: pass\n";
  const { success } = await new Deno.Command("python3", {
    args: ["-c", script, path],
  }).output();
  assert.ok(success);
}

const noPython = !await new Deno.Command("python3", { args: ["-V"] })
  .output().then(({ success }) => success, () => false);
const skipped = noPython ? " (skipped: no python3)" : "";

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function serveArguments(root: string, port: number): string[] {
  return [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--state-dir", join(root, "state"), "--interface", "lo"],
    ...["--bind", "127.0.0.1", "--port", String(port), "--no-dht", "--no-mdns"],
  ];
}

/** Kills a program that does not end, which waits for a log nobody reads. */
function killLater({ pid }: RunningProgram): Disposable {
  const timer = setTimeout(() => Deno.kill(pid, "SIGKILL"), 30_000);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Waits until a provider serves its image. */
async function untilServed(port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}/stable/arm64/manifest.json`;
  for (let tries = 0; tries < 50; tries++) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
      .catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.fail(`${url} is not served`);
}

/** Directories that are no channels: a warning each. */
function manyWarnings(): Record<string, string> {
  return Object.fromEntries(
    Array.from(
      { length: WARNINGS },
      (_, i) => [`artifacts/NO CHANNEL ${i}/x`, ""],
    ),
  );
}

Deno.test("plasmd serves on while its log cannot be written", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await makeFiles(root, { "artifacts/stable/arm64/vmlinuz": 1000 });
  for (const log of ["2>/dev/full", "2>&-", "2> >(true)"]) {
    const port = freePort();
    await using provider = start("plasmd", serveArguments(root, port), {
      prefix: ["bash", "-c", `exec "$0" "$@" ${log}`],
    });
    await untilServed(port);
    const { code } = await provider.end("SIGTERM");
    assert.equal(code, 0, log);
  }
});

Deno.test("plasmd serves on while nobody reads its log, ends when it is told to, and loses no line", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  using pipe = await makePipe(join(root, "log"));
  await makeFiles(root, {
    "artifacts/stable/arm64/vmlinuz": 1000,
    ...manyWarnings(),
  });
  const port = freePort();
  await using provider = start(
    "plasmd",
    [...serveArguments(root, port), "--log-level", "debug"],
    redirected(`2>${pipe.path}`),
  );
  using _limit = killLater(provider);
  await untilServed(port);
  // Standing still, the log has held up nothing; now it is read.
  const reading = readUntil(pipe.file, "end of the test");
  const { code } = await provider.end("SIGTERM");
  assert.equal(code, 0);
  await Deno.writeTextFile(pipe.path, "end of the test", { append: true });
  const log = await reading;
  assert.ok(log.length > 64 * 1024, `${log.length} characters`);
  const numbers = [...log.matchAll(/^WARN .*NO CHANNEL (\d+)"/gm)]
    .map(([, number]) => Number(number));
  assert.equal(numbers.length, WARNINGS);
  assert.equal(new Set(numbers).size, WARNINGS);
  assert.doesNotMatch(log, /Dropped/);
  assert.match(log, /^INFO Serving on .*$/m);
});

Deno.test("plasmd ends though nobody reads its log", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  using pipe = await makePipe(join(root, "log"));
  await makeFiles(root, {
    "artifacts/stable/arm64/vmlinuz": 1000,
    ...manyWarnings(),
  });
  const port = freePort();
  await using provider = start(
    "plasmd",
    serveArguments(root, port),
    redirected(`2>${pipe.path}`),
  );
  using _limit = killLater(provider);
  await untilServed(port);
  const { code, elapsedMs } = await provider.end("SIGTERM");
  assert.equal(code, 0);
  assert.ok(elapsedMs < 10_000, `took ${elapsedMs} ms`);
});

const stalled = noPython ? " (a stalled one skipped: no python3)" : "";
Deno.test(`phase_discover prints its result whatever becomes of its log${stalled}`, async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await makeFiles(root, { "artifacts/output/arm64/vmlinuz": 1000 });
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts"), "--no-dht"],
    ...["--channel", "output", "--arch", "arm64", "--interface", "lo"],
    ...["--state-dir", join(root, "state"), "--port", "0"],
  ]);
  await provider.line(/Advertising output\/arm64/);
  using pipe = await makePipe(join(root, "log"));
  const redirections = ["2>/dev/full", "2>&-", "2> >(true)"];
  if (!noPython) {
    await fill(pipe.path);
    redirections.push(`2>${pipe.path}`);
  }
  for (const log of redirections) {
    const { code, stdout, elapsedMs } = await run("phase_discover", [
      ...["--channel", "output", "--arch", "arm64", "--interface", "lo"],
      ...["--explain", "--timeout", "10"],
    ], { prefix: ["bash", "-c", `exec "$0" "$@" ${log}`] });
    assert.match(stdout, /^MANIFEST_URL=http:.*\n$/, log);
    assert.equal(code, 0, log);
    assert.ok(elapsedMs < 10_000, `took ${elapsedMs} ms with ${log}`);
  }
});

Deno.test({
  name:
    `a log into a pipe that somebody else has made non-blocking is whole${skipped}`,
  ignore: noPython,
  async fn() {
    await using directory = await temporaryDirectory();
    await makeFiles(directory.path, manyWarnings());
    const script = "import os, sys\n" +
      "os.set_blocking(2, False)\n" +
      "os.execvp(sys.argv[1], sys.argv[1:])\n";
    const { code, stderr } = await run(
      "plasmd",
      ["scan", "--artifacts", join(directory.path, "artifacts")],
      { prefix: ["python3", "-c", script] },
    );
    assert.equal(code, 0, stderr);
    assert.equal([...stderr.matchAll(/NO CHANNEL \d+"/g)].length, WARNINGS);
  },
});

Deno.test("a result that cannot be written is an error, and a reader that went away ends quietly", async () => {
  const commands = [
    ["plasmd", "--version"],
    ["plasmd", "--help"],
    ["plasmd", "completions", "bash"],
    ["phase_discover", "--version"],
    ["phase_discover", "--help"],
  ] as const;
  for (const [program, ...args] of commands) {
    const full = await run(program, args, redirected(">/dev/full"));
    assert.equal(full.code, 1, full.stderr);
    assert.match(
      full.stderr,
      /^ERROR Cannot write the result to standard output: .+\n$/,
    );
  }
  const gone = await run("plasmd", ["completions", "bash"], {
    prefix: [
      ...["bash", "-c"],
      'trap "" PIPE; { sleep 0.5; exec "$0" "$@"; } > >(exec true)',
    ],
  });
  assert.equal(gone.code, 1);
  assert.equal(gone.stderr, "");
});

Deno.test({
  name: `a program whose result nobody takes still ends by SIGINT${skipped}`,
  ignore: noPython,
  async fn() {
    await using directory = await temporaryDirectory();
    using pipe = await makePipe(join(directory.path, "result"));
    await fill(pipe.path);
    await using program = start(
      "plasmd",
      ["completions", "bash"],
      redirected(`>${pipe.path}`),
    );
    using _limit = killLater(program);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const { code, stderr } = await program.end("SIGINT");
    assert.equal(code, 130, stderr);
  },
});

Deno.test("no name on disk forges a log line or a line of a result", async () => {
  await using directory = await temporaryDirectory();
  const artifacts = join(directory.path, "artifacts");
  await makeFiles(directory.path, { "artifacts/stable/arm64/vmlinuz": 10 });
  const evil = "x\x1b[2J\nINFO Advertising evil\x9b\u202e";
  await Deno.writeTextFile(join(directory.path, evil), "x");
  for (const name of ["rootfs.img", "initramfs", `vmlinuz-${evil}`]) {
    const link = join(artifacts, "stable/arm64", name);
    await Deno.symlink(join(directory.path, evil), link);
  }
  await Deno.mkdir(join(artifacts, evil));
  for (const more of [[], ["--json"], ["--log-format", "json"]]) {
    const { code, stdout, stderr } = await run("plasmd", [
      ...["scan", "--artifacts", artifacts, "--log-level", "debug", ...more],
    ]);
    assert.equal(code, 0, stderr);
    for (const line of `${stdout}${stderr}`.trimEnd().split("\n")) {
      assert.doesNotMatch(line, /^INFO Advertising|[\p{Cc}\p{Cf}]/u);
    }
    assert.match(stderr, /Advertising evil/, "nothing hostile was logged");
    if (more.includes("json")) {
      for (const line of stderr.trimEnd().split("\n")) JSON.parse(line);
    }
  }
});

Deno.test("with --log-format json every line is JSON, also of a command line that is wrong", async () => {
  const commands = [
    ["plasmd", "serve", "--artifacts", "/none", "--log-format", "json"],
    ["plasmd", "serve", "--log-format=json", "--artifcats", "x"],
    ["phase_discover", "--log-format", "json", "--chanel", "x"],
    ["phase_discover", "--log-format", "json", "--mode", "wan"],
  ] as const;
  for (const [program, ...args] of commands) {
    const { stderr } = await run(program, args);
    const levels = stderr.trimEnd().split("\n").map((line) =>
      JSON.parse(line).level
    );
    assert.equal(levels.at(-1), "error", stderr);
  }
});
