/**
 * The package for Debian in a Debian of its own (debootstrap), without systemd:
 * the line of the unit is run by hand, as its user. guests/systemd_test.ts has
 * systemd run it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { PLASMD_FLAGS } from "../../tools/shipped_flags.ts";
import { commandOutput } from "../support/command_output.ts";
import { makeDebian, packagePath } from "../support/debian.ts";
import {
  type LabHost,
  labObstacle,
  NetworkLab,
} from "../support/network_lab.ts";
import { run, start } from "../support/programs.ts";

const IMAGE = "var/lib/plasm/stable/amd64/vmlinuz";
const FIRST = "0.1.0";
const NEXT = "0.1.1";

/** In front of a command that is to run in a Debian, on a host of a lab. */
function inside(root: string, host: LabHost): string[] {
  return [
    ...[...host.prefix, "sh", "-c"],
    'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"',
    root,
  ];
}

/** As the unit starts it, without what systemd adds. */
async function serviceCommand(root: string): Promise<string[]> {
  const unit = await Deno.readTextFile(
    join(root, "usr/lib/systemd/system/plasmd.service"),
  );
  const line = /^ExecStart=(.+)$/m.exec(unit)?.[1] ?? "";
  return [
    ..."setpriv --reuid plasmd --regid plasmd --clear-groups".split(" "),
    ..."--no-new-privs env --ignore-environment PATH=/usr/bin:/bin".split(" "),
    ...["STATE_DIRECTORY=/var/lib/plasmd", ...line.split(" ")],
  ];
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

async function checkByLintian(
  t: Deno.TestContext,
  root: string,
): Promise<void> {
  const missing = labObstacle(["lintian"]);
  const name = "lintian has no errors and warnings";
  await t.step({
    name: missing === undefined ? name : `${name} (skipped: ${missing})`,
    ignore: missing !== undefined,
    fn: async () => {
      const path = join(root, packagePath(FIRST));
      const failures = ["--fail-on", "error,warning"];
      const said = await commandOutput("lintian", [...failures, path]);
      assert.equal(said, "");
    },
  });
}

const missing = Deno.args.includes("--all")
  ? Deno.build.arch === "x86_64"
    ? labObstacle(["debootstrap", "dpkg", "setpriv"])
    : "the package of x86_64 needs a machine of it"
  : "only with e2e --all";
const debian = missing ?? await makeDebian({ versions: [FIRST, NEXT] });
const name =
  "a package is installed, started, found, upgraded, removed and purged";

Deno.test({
  name: typeof debian === "string" ? `${name} (skipped: ${debian})` : name,
  ignore: typeof debian === "string",
  fn: async (t) => {
    if (typeof debian === "string") return;
    await using _debian = debian;
    const { root } = debian;
    await checkByLintian(t, root);
    await using lab = await NetworkLab.open();
    const [server, client] = await lab.twoHosts();
    const dpkg = (...args: string[]) => {
      const [program = "", ...rest] = inside(root, server);
      return commandOutput(program, [...rest, "dpkg", ...args]);
    };

    await dpkg("--install", packagePath(FIRST));
    assert.equal(await dpkg("--verify", "plasm"), "");
    const [image, state] = [join(root, IMAGE), join(root, "var/lib/plasmd")];
    await Deno.mkdir(join(image, ".."), { recursive: true });
    await Deno.writeFile(image, new Uint8Array(4096));
    // What StateDirectory= does.
    const passwd = await Deno.readTextFile(join(root, "etc/passwd"));
    const uid = Number(/^plasmd:x:(\d+):/m.exec(passwd)?.[1]);
    await Deno.mkdir(state, { mode: 0o700 });
    await Deno.chown(state, uid, uid);

    const serveAndFind = async (): Promise<string> => {
      const service = await serviceCommand(root);
      await using provider = start("plasmd", [], {
        runner: [...inside(root, server), ...service],
      });
      await provider.line(/Advertising stable\/x86_64/);
      const words = (await Deno.readTextFile(`/proc/${provider.pid}/cmdline`))
        .split("\0");
      assert.equal(words[0], "/usr/lib/plasm/deno");
      assert.deepEqual(
        words.slice(3, 3 + PLASMD_FLAGS.length),
        PLASMD_FLAGS,
        "other permissions than those that are shipped",
      );
      const found = await run("phase_discover", ["--quiet"], {
        runner: [
          ...inside(root, client),
          ...["phase_discover", "--channel", "stable", "--arch", "x86_64"],
        ],
      });
      assert.equal(found.code, 0, found.stderr);
      assert.match(
        found.stdout,
        /^http:\/\/10\.77\.0\.1:8080\/stable\/x86_64\//,
      );
      assert.equal((await provider.end("SIGTERM")).code, 0);
      return await Deno.readTextFile(join(state, "signing.key"));
    };
    const key = await serveAndFind();

    const config = join(root, "etc/plasm/provider.toml");
    await Deno.writeTextFile(config, '[provider]\nname = "rack 12"\n');
    await dpkg("--install", packagePath(NEXT));
    assert.match(
      await dpkg("--status", "plasm"),
      new RegExp(`: ${NEXT}$`, "m"),
    );
    assert.match(await Deno.readTextFile(config), /rack 12/);
    assert.equal(await serveAndFind(), key);

    await dpkg("--remove", "plasm");
    for (
      const path of ["usr/bin/plasmd", "usr/lib/plasm", "usr/share/doc/plasm"]
    ) {
      assert.ok(!await exists(join(root, path)), path);
    }
    assert.ok(await exists(config));
    const said = await dpkg("--purge", "plasm");
    assert.ok(!await exists(join(root, "etc/plasm")));
    assert.match(
      said,
      /\/var\/lib\/plasmd stays, since it may hold the signing/,
    );
    assert.equal(await Deno.readTextFile(join(state, "signing.key")), key);
    assert.ok(await exists(image));
  },
});
