/**
 * What `phase_discover` says where it finds nothing, or not at once: the
 * program as its users run it, on loopback or in namespaces.
 */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import { labTest } from "../support/network_lab.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import { programCommand } from "../support/shipped_programs.ts";

const IMAGE = ["--channel", "stable", "--arch", "arm64"] as const;

/** The same command, without one of its permissions. */
function without(
  program: "plasmd" | "phase_discover",
  permission: string,
): readonly string[] {
  const permissions = ["net", "read", "write", "env", "sys"]
    .filter((name) => name !== permission).map((name) => `--allow-${name}`);
  const [deno, ...words] = programCommand(program);
  return [
    ...[deno, "run", "--no-config", "--no-prompt", ...permissions],
    ...[words.at(-1) ?? ""],
  ];
}

labTest(
  "phase_discover says that an interface has no address, by name",
  [],
  async (lab) => {
    // A switch, and nobody who gives addresses: IPv6 has its own all the same.
    const host = await lab.hostOn(await lab.lan("br0"));
    for (const more of [[], ["--interface", "e0"], ["--mode", "wan"]]) {
      const { code, stdout, stderr } = await run("phase_discover", [
        ...IMAGE,
        ...["--timeout", "2", "--format", "json", ...more],
        ...more[0] === "--mode"
          ? ["--bootstrap", "/ip4/10.77.0.1/tcp/4001"]
          : [],
      ], { prefix: host.prefix });
      assert.equal(code, 3, stderr);
      const { reason, error } = JSON.parse(stdout);
      assert.equal(reason, "no_address", stdout);
      assert.match(
        error,
        /^Cannot find stable\/arm64: .*e0 is up but has no address.*: did DHCP work\?$/,
      );
      assert.ok(stderr.includes(`ERROR ${error}`));
    }
  },
);

labTest(
  "phase_discover says at once that an interface is not there, and finds by it once it is",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(`${path}/artifacts`, { "stable/arm64/vmlinuz": 1000 });
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", `${path}/artifacts`, "--no-dht"],
      ...["--state-dir", `${path}/state`],
    ], { prefix: server.prefix });
    await provider.line(/Advertising stable\/arm64/);
    const host = await lab.host();
    await using client = start("phase_discover", [
      ...IMAGE,
      ...["--interface", "nope0", "--timeout", "60"],
    ], { prefix: host.prefix });
    await client.line(/^WARN .*no interface "nope0" with an address/m);
    await host.plug("nope0", lan, "10.77.0.2/24");
    const { code, stdout } = await client.ended();
    assert.equal(code, 0);
    assert.match(stdout, /^MANIFEST_URL=http:\/\/10\.77\.0\.1:8080\//);
  },
);

Deno.test("phase_discover says that one of several interfaces is not there", async () => {
  const { stderr } = await run("phase_discover", [
    ...IMAGE,
    ...["--mode", "lan", "--timeout", "1"],
    ...["--interface", "lo", "--interface", "nope0"],
  ]);
  assert.match(
    stderr,
    /^WARN No interface "nope0" with an address: it is asked/m,
  );
  assert.match(stderr, /^ERROR Asked by mDNS on lo 127\.0\.0\.1$/m);
});

Deno.test("phase_discover --mode wan without any node ends at once", async () => {
  const ended = await run("phase_discover", [
    ...IMAGE,
    ...["--mode", "wan", "--format", "json", "--timeout", "60"],
  ]);
  assert.equal(ended.code, 3, ended.stderr);
  assert.ok(ended.elapsedMs < 30_000, `${ended.elapsedMs} ms`);
  const { reason, error } = JSON.parse(ended.stdout);
  assert.equal(reason, "nobody");
  assert.equal(error, "Cannot find stable/arm64: there is nobody to ask");
  assert.match(ended.stderr, /name one with --bootstrap MULTIADDR$/m);
});

Deno.test("phase_discover names the DHT nodes it asked when time is up in the midst of it", async () => {
  // Takes connections, and never says a word.
  using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const node = `/ip4/127.0.0.1/tcp/${mute.addr.port}`;
  const { code, stdout, stderr } = await run("phase_discover", [
    ...IMAGE,
    ...["--mode", "wan", "--bootstrap", node, "--timeout", "4"],
    ...["--format", "json"],
  ]);
  assert.equal(code, 3, stderr);
  const { reason, error, tried } = JSON.parse(stdout);
  assert.equal(reason, "nobody");
  assert.match(error, /no provider answered within 4 s$/);
  assert.equal(
    tried[0],
    `The DHT lookup was not finished: started from ${node}; answered until then: none`,
  );
});

Deno.test("both programs say which permission they lack, and end with 2", async () => {
  const cases = [
    ["phase_discover", "sys", [...IMAGE, "--timeout", "60"], /--allow-sys/],
    ["phase_discover", "net", [...IMAGE, "--timeout", "60"], /--allow-net/],
    ["plasmd", "sys", ["serve", "--artifacts", "."], /--allow-sys/],
    ["plasmd", "net", ["status"], /--allow-net/],
  ] as const;
  for (const [program, permission, args, says] of cases) {
    const runner = without(program, permission);
    const ended = await run(program, args, { runner });
    const what = `${program} without ${permission}`;
    assert.ok(ended.elapsedMs < 30_000, `${what}: ${ended.elapsedMs} ms`);
    assert.match(ended.stderr, says, what);
    assert.ok(
      ended.code === (args[0] === "status" ? 3 : 2),
      `${what}: ${ended.code} ${ended.stderr}`,
    );
  }
});

Deno.test("phase_discover counts --timeout from the start of the process", async () => {
  await using directory = await temporaryDirectory();
  const slow = `${directory.path}/slow.ts`;
  // As a slow box does before the first line of the program.
  await Deno.writeTextFile(
    slow,
    "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);",
  );
  const [deno, ...words] = programCommand("phase_discover");
  const runner = [
    ...[deno, ...words.slice(0, -1), "--preload", slow],
    ...[words.at(-1) ?? ""],
  ];
  const ended = await run("phase_discover", [
    ...IMAGE,
    ...["--interface", "lo", "--mode", "lan", "--timeout", "5"],
  ], { runner });
  assert.equal(ended.code, 3, ended.stderr);
  assert.match(ended.stderr, /no provider answered within 5 s/);
  // 9 s where it counted from the first question.
  assert.ok(ended.elapsedMs < 8000, `${ended.elapsedMs} ms`);
});

const noScript = await hasScript() ? "" : " (skipped: no script(1) here)";
Deno.test({
  name: `on a terminal phase_discover shows what it is doing${noScript}`,
  ignore: noScript !== "",
  async fn() {
    const command = programCommand("phase_discover").join(" ");
    const options =
      `--channel terminal-${Deno.pid} --arch arm64 --interface lo --mode lan --timeout 3`;
    const shown = async (more: string) => {
      const { stdout } = await new Deno.Command("script", {
        args: ["-qec", `${command} ${options}${more}`, "/dev/null"],
        env: { NO_COLOR: "1", TERM: "xterm" },
        stdin: "null",
        stdout: "piped",
      }).output();
      return new TextDecoder().decode(stdout);
    };
    assert.match(
      await shown(""),
      /Looking for terminal-\d+\/arm64, [12] of 3 s: .*mdns.*\r/i,
    );
    assert.doesNotMatch(await shown(" --quiet"), /Looking for/);
  },
});

async function hasScript(): Promise<boolean> {
  try {
    return (await Deno.stat("/usr/bin/script")).isFile;
  } catch {
    return false;
  }
}
