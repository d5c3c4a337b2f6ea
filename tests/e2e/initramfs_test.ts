/**
 * What examples/initramfs/plasm-boot does for each exit code, with everything
 * that it runs replaced by something that writes down how it was called.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DISCOVER_FLAGS } from "../../tools/shipped_flags.ts";
import { temporaryDirectory } from "../support/programs.ts";

const EXAMPLE = fileURLToPath(
  new URL("../../examples/initramfs/", import.meta.url),
);
/** Nothing of these may reach this machine. */
const STAND_INS = [
  ...["kexec", "mount", "umount", "mkdir", "rm", "setsid", "sleep", "od"],
];
const ENDS = ["poweroff", "reboot"];

/** What was run, one line for each. */
async function boot(
  exitCodes: readonly number[],
  settings: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const script = async (name: string, body: string) => {
    await Deno.writeTextFile(
      join(path, name),
      `#!/bin/sh\nprintf '%s\\n' "$(basename "$0") $*" >> ${path}/log\n${body}\n`,
      { mode: 0o755 },
    );
  };
  for (const name of STAND_INS) await script(name, "");
  await script("od", "echo 1");
  await script("mount", '[ "$1" != LABEL=gone ]');
  for (const name of ENDS) await script(name, "kill $PPID");
  // `stop` sleeps for ever.
  await script("sleep", '[ "$1" != 3600 ] || kill $PPID');
  await script(
    "phase_discover",
    `code=$(head -n 1 ${path}/codes); sed -i 1d ${path}/codes\n` +
      `[ "$code" != 0 ] || cat ${path}/found\nexit "$code"`,
  );
  await Deno.writeTextFile(`${path}/codes`, exitCodes.join("\n") + "\n");
  await Deno.writeTextFile(`${path}/cmdline`, `q="a b" \\n $HOME`);
  await Deno.writeTextFile(
    `${path}/found`,
    `VERSION=2026.1\nKERNEL='/run/plasm/a b'\nINITRD=\nDTB=\nCMDLINE_FILE=${path}/cmdline\n`,
  );
  await new Deno.Command("dash", {
    args: [join(EXAMPLE, "plasm-boot")],
    clearEnv: true,
    env: { PATH: `${path}:/usr/bin:/bin`, CHANNEL: "stable", ...settings },
    stdin: "null",
    stdout: "null",
  }).output();
  const log = await Deno.readTextFile(`${path}/log`);
  return log.trim().split("\n");
}

const FETCH = "phase_discover --mode auto --channel stable --fetch /run/plasm" +
  " --key /etc/plasm/signing.pub";

Deno.test("plasm-boot tries again after 3 and 5, later each time, and starts the kernel", async () => {
  assert.deepEqual(await boot([3, 5, 3, 3, 3, 3, 3, 0], { FAIL: "poweroff" }), [
    ...[3, 5, 9, 17, 33, 65, 65].flatMap((seconds) => [
      FETCH,
      "od -An -N1 -tu1 /dev/urandom",
      `sleep ${seconds}`,
    ]),
    FETCH,
    'kexec -l /run/plasm/a b --command-line=q="a b" \\n $HOME plasm.version=2026.1',
    "kexec -e",
    // It came back: the stand-in started nothing.
    "poweroff -f",
  ]);
});

Deno.test("plasm-boot gives up after as many attempts as it is told", async () => {
  const log = await boot([3, 3, 3], { FAIL: "reboot", ATTEMPTS: "2" });
  assert.equal(log.filter((line) => line === FETCH).length, 2);
  assert.deepEqual(log.slice(-2), ["sleep 10", "reboot -f"]);
});

Deno.test("plasm-boot stops after 4, and starts nothing", async () => {
  assert.deepEqual(await boot([4, 0]), [FETCH, "sleep 3600"]);
});

Deno.test("plasm-boot gives a shell after any other exit code", async () => {
  for (const code of [1, 2, 6, 126, 127, 130, 137]) {
    assert.deepEqual(await boot([code, 0]), [
      FETCH,
      "setsid cttyhack sh",
      "reboot -f",
    ]);
  }
});

Deno.test("plasm-boot remembers on the disk that it is told, and unmounts it", async () => {
  const log = await boot([0], {
    STATE: "LABEL=state",
    ARTIFACTS: "kernel rootfs",
    TIMEOUT: "60",
    ARCH: "arm64",
    BOOTSTRAP: "/ip4/192.0.2.1/tcp/4001/p2p/x",
    FAIL: "poweroff",
  });
  assert.deepEqual(log.slice(0, 5), [
    "mkdir -p /run/state",
    "sleep 0",
    "mount LABEL=state /run/state",
    "phase_discover --mode auto --channel stable --fetch /run/plasm" +
    " --arch arm64 --timeout 60 --bootstrap /ip4/192.0.2.1/tcp/4001/p2p/x" +
    " --state /run/state/state.json --artifact kernel --artifact rootfs" +
    " --key /etc/plasm/signing.pub",
    "umount /run/state",
  ]);
});

Deno.test("plasm-boot does not search without the disk that remembers", async () => {
  assert.deepEqual(await boot([0], { STATE: "LABEL=gone" }), [
    "mkdir -p /run/state",
    ...[0, 1, 2, 3, 4].flatMap((seconds) => [
      `sleep ${seconds}`,
      "mount LABEL=gone /run/state",
    ]),
    "sleep 3600",
  ]);
});

Deno.test("the initramfs runs phase_discover with the permissions that it is shipped with", async () => {
  const script = await Deno.readTextFile(join(EXAMPLE, "phase_discover"));
  const words = script.replaceAll("\\\n", " ").split(/\s+/);
  const from = words.indexOf("--no-config") + 1;
  const to = words.indexOf("/lib/plasm/phase_discover.js");
  assert.deepEqual(words.slice(from, to), DISCOVER_FLAGS);
});
