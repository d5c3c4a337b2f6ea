/**
 * What examples/ has for running plasmd as a service: how much the units of
 * systemd leave open, that the programs do all their work within that, and
 * that the firewall's rules let clients in.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import { PLASMD_FLAGS } from "../../tools/shipped_flags.ts";
import { commandOutput } from "../support/command_output.ts";
import { openSite, serveSite } from "../support/doctor_lab.ts";
import { type LabHost, labObstacle, labTest } from "../support/network_lab.ts";
import { run } from "../support/programs.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url).pathname;
const UNDER_FILTER =
  new URL("../support/programs/under_filter.py", import.meta.url).pathname;

/** systemd's own opinion of a unit, 0 to 10. */
async function exposureOf(unit: string): Promise<number> {
  const path = await Deno.makeTempDir({ prefix: "plasm-unit-" });
  try {
    await Deno.writeTextFile(join(path, "plasmd.service"), unit);
    const said = await commandOutput("systemd-analyze", [
      ...["security", "--offline=true", "--no-pager"],
      join(path, "plasmd.service"),
    ]);
    const level = /exposure level for \S+: ([\d.]+)/.exec(said)?.[1];
    assert.ok(level !== undefined, said);
    return Number(level);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** The calls that a unit's SystemCallFilter= allows, groups resolved. */
async function allowedCalls(unit: string): Promise<Set<string>> {
  const groups = new Map<string, string[]>();
  let members: string[] = [];
  const said = await commandOutput("systemd-analyze", [
    "syscall-filter",
    "--no-pager",
  ]);
  for (const line of said.split("\n")) {
    if (/^@[a-z-]+$/.test(line)) groups.set(line, members = []);
    else if (/^ {4}[@a-z]/.test(line)) members.push(line.trim());
    else if (/^# /.test(line)) members = []; // calls that are in no group
  }
  const callsOf = (name: string): string[] =>
    name.startsWith("@")
      ? (groups.get(name) ?? assert.fail(`no group ${name}`)).flatMap(callsOf)
      : [name];
  const allowed = new Set(callsOf("@default"));
  for (const [, text = ""] of unit.matchAll(/^SystemCallFilter=(.*)$/gm)) {
    const isDenied = text.startsWith("~");
    for (const name of text.replace("~", "").split(" ").flatMap(callsOf)) {
      if (isDenied) allowed.delete(name);
      else allowed.add(name);
    }
  }
  return allowed;
}

const systemdObstacle = await commandOutput("systemd-analyze", ["--version"])
  .then(() => undefined, () => "not installed: systemd-analyze");

Deno.test({
  name: `the units leave as little open as systemd-analyze can measure${
    systemdObstacle === undefined ? "" : ` (skipped: ${systemdObstacle})`
  }`,
  ignore: systemdObstacle !== undefined,
  async fn() {
    const unit = await Deno.readTextFile(`${EXAMPLES}plasmd.service`);
    const pxe = await Deno.readTextFile(`${EXAMPLES}plasmd-pxe.conf`);
    const alone = await exposureOf(unit);
    assert.ok(alone <= 1.5, `plasmd.service: ${alone}`);
    const both = await exposureOf(`${unit}\n${pxe}`);
    assert.ok(both <= 1.5, `with plasmd-pxe.conf: ${both}`);
  },
});

Deno.test("the unit is not started again where that mends nothing, nor its memory held to what V8 cannot do", async () => {
  const unit = await Deno.readTextFile(`${EXAMPLES}plasmd.service`);
  assert.match(unit, /^RestartPreventExitStatus=2$/m);
  assert.doesNotMatch(unit, /^MemoryDenyWriteExecute=yes/m);
  const pxe = await Deno.readTextFile(`${EXAMPLES}plasmd-pxe.conf`);
  assert.match(pxe, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  assert.match(pxe, /^PrivateUsers=no$/m);
});

Deno.test("the container runs what is shipped, with the permissions that are, and not as root", async () => {
  const text = await Deno.readTextFile(`${EXAMPLES}Containerfile`);
  const entry = /^ENTRYPOINT (\[.*\])$/m.exec(text)?.[1] ?? "";
  assert.deepEqual(JSON.parse(entry), [
    ...["deno", "run", "--no-config", ...PLASMD_FLAGS],
    "/usr/local/lib/plasmd.js",
  ]);
  const command: unknown = JSON.parse(/^CMD (\[.*\])$/m.exec(text)?.[1] ?? "");
  assert.ok(Array.isArray(command));
  const parsed = parseCommandLine(command.map(String), PLASMD_PROGRAM);
  assert.equal(parsed.kind, "run");
  assert.match(text, /^USER 1993:1993$/m);
  const contributing = await Deno.readTextFile(`${EXAMPLES}../CONTRIBUTING.md`);
  const [, version] = /deno@([\d.]+)/.exec(contributing) ?? [];
  assert.match(text, new RegExp(`^FROM \\S+/deno:${version}$`, "m"));
});

Deno.test("the service of OpenRC is a shell's, and starts plasmd as systemd does", async () => {
  const path = `${EXAMPLES}plasmd.openrc`;
  await commandOutput("sh", ["-n", path]);
  const text = await Deno.readTextFile(path);
  const [, line = ""] = /^command_args="(.*)"$/m.exec(text) ?? [];
  assert.match(line, /^serve --artifacts \S+ --state-dir \S+ /);
  assert.match(text, /^command_user="plasmd:plasmd"$/m);
  // OpenRC 0.45 makes an option of it that its own program does not know.
  assert.doesNotMatch(text, /^no_new_privs=/m);
});

Deno.test({
  name:
    `firewalld's service is XML, and opens the ports that are in the documents`,
  ignore: await commandOutput("python3", ["--version"])
    .then(() => false, () => true),
  async fn() {
    // Its own parser, Expat: two hyphens in a comment would be none for it.
    const said = await commandOutput("python3", [
      "-c",
      "import sys, xml.etree.ElementTree as e\n" +
      "for p in e.parse(sys.argv[1]).iter('port'):\n" +
      " print(p.get('port') + '/' + p.get('protocol'))",
      `${EXAMPLES}firewalld-plasmd.xml`,
    ]);
    const page = await Deno.readTextFile(`${EXAMPLES}../docs/service.md`);
    const ports = [...page.matchAll(/^\| (\d+\/\w+) +\|/gm)].map(([, port]) =>
      port
    );
    assert.ok(ports.length > 0);
    assert.deepEqual(said.trim().split("\n").sort(), ports.sort());
  },
});

const FILTERED =
  "the programs work within the capabilities, system calls and /proc of the units";
const obstacle = systemdObstacle ?? labObstacle(["python3", "unshare"]);
if (obstacle !== undefined) {
  Deno.test({
    name: `${FILTERED} (skipped: ${obstacle})`,
    ignore: true,
    fn() {},
  });
} else {
  labTest(FILTERED, [], async (lab) => {
    await using stack = new AsyncDisposableStack();
    const [server, client] = await lab.twoHosts();
    const unit = await Deno.readTextFile(`${EXAMPLES}plasmd.service`);
    const allowed = [...await allowedCalls(unit)].join();
    const pxe = await Deno.readTextFile(`${EXAMPLES}plasmd-pxe.conf`);
    const [, bind = ""] = /^CapabilityBoundingSet=(\w+)$/m.exec(pxe) ?? [];
    const filtered = (host: Pick<LabHost, "prefix">, capability = "none") => [
      ...[...host.prefix, "unshare", "--mount", "python3", UNDER_FILTER],
      ...[capability, allowed],
    ];
    // It is held to them: what is not among them fails.
    const mounting = await new Deno.Command(filtered(client)[0] ?? "", {
      args: [...filtered(client).slice(1), "mount", "-t", "tmpfs", "x", "/mnt"],
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.equal(mounting.success, false);

    const site = await openSite(stack);
    const loaders = join(site.path, "loaders");
    await Deno.mkdir(loaders);
    await Deno.writeTextFile(join(loaders, "snponly-arm64.efi"), "MZ");
    const config = join(site.path, "provider.toml");
    await Deno.writeTextFile(config, `[pxe]\nloaders = "${loaders}"\n`);
    const args = [...site.args, "--config", config, "--pxe"];
    const provider = await serveSite(stack, { ...site, args }, {
      prefix: filtered(server, bind),
    });
    await provider.line(/Advertising stable\/arm64/);
    await Deno.writeTextFile(
      join(site.path, "artifacts/stable/arm64/rootfs"),
      "more",
    );
    const directory = join(site.path, "fetched");
    const found = await run("phase_discover", [
      ...["--channel", "stable", "--arch", "arm64"],
      ...["--fetch", directory, "--insecure"],
    ], { prefix: filtered(client) });
    assert.equal(found.code, 0, found.stderr);
    const seen = await run("plasmd", [
      ...["doctor", "--url", "http://10.77.0.1:8080"],
    ], { prefix: filtered(client) });
    assert.equal(seen.code, 0, seen.stdout + seen.stderr);
    const loader = await client.exec(
      ...["curl", "-s", "http://10.77.0.1:8080/boot/snponly-arm64.efi"],
    );
    assert.equal(loader, "MZ");
    const { code, stderr } = await provider.end("SIGTERM");
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /EPERM|not permitted|^ERROR/im);
  });
}
