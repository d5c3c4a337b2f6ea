/** The package for Debian where systemd is the first process of a machine. */
import assert from "node:assert/strict";
import { GUEST_LIMIT_MS } from "../../support/boot_lab.ts";
import { type Debian, makeDebian, packagePath } from "../../support/debian.ts";
import { QEMU } from "../../support/guest.ts";
import {
  type LabHost,
  labObstacle,
  NetworkLab,
} from "../../support/network_lab.ts";
import { readPage, ROOT } from "../../support/pages.ts";
import { run } from "../../support/programs.ts";
import { BOOTABLE, SystemdGuest } from "../../support/systemd_guest.ts";

const [FIRST, NEXT] = ["0.1.0", "0.1.1"];
const SERVER = "10.77.0.1";
const KEY = "/var/lib/plasmd/signing.key";
const CONFIG = "/etc/plasm/provider.toml";
const URL = `http://${SERVER}:8080/stable/x86_64/manifest.json`;
const page = readPage(await Deno.readTextFile(`${ROOT}docs/service.md`));

/** The commands of docs/service.md that have a text in them, as they stand. */
function documented(text: string): string {
  const [step, ...others] = page.filter(({ commands }) =>
    commands.includes(text)
  );
  assert.ok(step !== undefined && others.length === 0, text);
  return step.commands;
}

function obstacle(): string | undefined {
  if (!Deno.args.includes("--all")) return "only with e2e --all";
  if (Deno.build.arch !== "x86_64") return "the package needs x86_64";
  const programs = [QEMU, "debootstrap", "mkfs.ext4", "systemctl", "curl"];
  return labObstacle(programs);
}

/** A provider that systemd runs, and who looks for it. */
class Walk {
  readonly #machine: SystemdGuest;
  readonly #client: LabHost;

  constructor(machine: SystemdGuest, client: LabHost) {
    this.#machine = machine;
    this.#client = client;
  }

  /** Commands of root that succeed. @returns what they printed */
  exec(commands: string): Promise<string> {
    return this.#machine.exec(commands);
  }

  /** Properties of the service, in the order that is asked for. */
  async shows(...names: string[]): Promise<string[]> {
    const wanted = names.map((name) => `--property=${name}`).join(" ");
    const text = await this.exec(`systemctl show plasmd ${wanted}`);
    const of = new Map(
      text.trim().split("\n").map((line): [string, string] => [
        line.slice(0, line.indexOf("=")),
        line.slice(line.indexOf("=") + 1),
      ]),
    );
    return names.map((name) => of.get(name) ?? "");
  }

  /** It runs, and a client finds it. @returns its signing key */
  async isFound(): Promise<string> {
    assert.equal(await this.exec("systemctl is-active plasmd"), "active\n");
    const found = await run("phase_discover", [
      ...["--quiet", "--channel", "stable", "--arch", "x86_64"],
    ], { prefix: this.#client.prefix });
    assert.equal(found.stdout, `${URL}\n`, found.stderr);
    return await this.exec(`cat ${KEY}`);
  }

  /** Doctor, as root and as the service's user, has nothing to say. */
  async isHealthy(): Promise<void> {
    const asUser = documented("plasmd doctor --artifacts");
    const asRoot = asUser.replace("runuser -u plasmd -- ", "");
    for (const command of [asRoot, asUser]) {
      const said = await this.exec(command);
      assert.match(said, /a client hears stable\/x86_64 at/);
      assert.match(said, /^Nothing was found that keeps clients from/m);
      assert.doesNotMatch(said, /permission denied|cache/i);
    }
  }

  /** The unit of examples/ in its place, and away again, with the same key. */
  async unitIsCopied(): Promise<void> {
    await this.exec(
      "cd /usr/share/doc/plasm && cp /usr/bin/plasmd . && " +
        documented("examples/plasmd.service").replaceAll("\n", " && "),
    );
    const key = await this.isFound();
    assert.deepEqual(await this.shows("DynamicUser", "FragmentPath"), [
      "yes",
      "/etc/systemd/system/plasmd.service",
    ]);
    await this.exec(
      "rm /etc/systemd/system/plasmd.service /usr/local/bin/plasmd " +
        "/usr/share/doc/plasm/plasmd && systemctl daemon-reload && " +
        "systemctl restart plasmd",
    );
    assert.equal(await this.isFound(), key);
    const [user] = await this.shows("User");
    assert.equal(user, "plasmd");
  }

  /** Configurations that are right and wrong. */
  async isConfigured(): Promise<void> {
    await this.exec(
      `echo '[provider]\nname = "rack 12"' > ${CONFIG} && systemctl restart plasmd`,
    );
    await this.exec(
      `echo 'prot = 1' >> ${CONFIG} && systemctl reload plasmd && sleep 2`,
    );
    assert.match(
      await this.exec("systemctl is-active plasmd && plasmd status"),
      /^active\nrack 12 /,
    );
    // A package that comes meanwhile restarts it, and is installed all the same.
    const said = await this.exec(`dpkg --install ${packagePath(FIRST)}`);
    assert.match(said, /^plasm: the provider was not restarted/m);
    // Longer than RestartSec=.
    await this.exec("sleep 5");
    assert.deepEqual(
      await this.shows("ActiveState", "ExecMainStatus", "NRestarts"),
      ["failed", "2", "0"],
    );
    assert.match(
      await this.exec("journalctl --unit plasmd --priority err --output cat"),
      /; the old configuration stays in effect\n[^]*unknown key "prot" in \[provider\]/,
    );
  }

  /** A death that nobody wanted. */
  async comesBack(): Promise<void> {
    await this.exec(
      `sed -i '/^prot/d' ${CONFIG} && systemctl start plasmd && ` +
        "systemctl kill --signal KILL --kill-whom main plasmd && " +
        // It sends READY=1 when it is back.
        "sleep 3 && systemctl start plasmd",
    );
    assert.deepEqual(await this.shows("NRestarts"), ["1"]);
    await this.isFound();
  }

  /** Machines that boot bare find a loader. */
  async answersPxe(): Promise<void> {
    await this.exec(
      "mkdir /srv/loaders && echo MZ > /srv/loaders/undionly.kpxe && " +
        `echo '[pxe]\nenabled = true\nloaders = "/srv/loaders"' >> ${CONFIG} && ` +
        "cd /usr/share/doc/plasm && " +
        documented("plasmd-pxe.conf").replaceAll("\n", " && "),
    );
    const loader = await this.#client.exec(
      ...["curl", "-s", "-m", "30", `tftp://${SERVER}/undionly.kpxe`] as const,
    );
    assert.equal(loader, "MZ\n");
    const exposure = await this.exec("systemd-analyze security plasmd");
    const level = /exposure level for \S+: ([\d.]+)/.exec(exposure)?.[1];
    assert.ok(Number(level) <= 1.5, exposure);
  }

  /** A newer package comes while it runs. */
  async isUpgraded(): Promise<void> {
    const key = await this.exec(`cat ${KEY}`);
    const [before] = await this.shows("MainPID");
    await this.exec(`dpkg --install ${packagePath(NEXT)}`);
    const [after] = await this.shows("MainPID");
    assert.notEqual(after, before);
    assert.equal(await this.isFound(), key);
    assert.match(await this.exec(`cat ${CONFIG}`), /rack 12/);
  }

  /** What docs/install.md says stays, and nothing else. */
  async isPurged(): Promise<void> {
    await this.exec("dpkg --remove plasm");
    assert.deepEqual(await this.shows("LoadState"), ["not-found"]);
    await this.exec(`test -e ${CONFIG} && dpkg --purge plasm`);
    const left = await this.exec(
      "systemctl reset-failed; find / -xdev \\( -path /srv -o -path '/plasm-*' " +
        "-o -path '/var/log/*' -o -path '/var/lib/dpkg/*' -o -path /root \\) " +
        "-prune -o -name '*plasm*' -print | sort",
    );
    assert.deepEqual(left.trim().split("\n"), [
      // An operator's.
      "/etc/systemd/system/plasmd.service.d",
      ...["/var/lib/plasm", "/var/lib/plasmd"],
    ]);
    assert.match(await this.exec(`ls -l ${KEY}`), /^-rw------- 1 plasmd /);
  }
}

const skipped = obstacle();
const debian: Debian | string = skipped ??
  await makeDebian({ versions: [FIRST, NEXT], include: BOOTABLE });
const name = "systemd runs the package as the documents say";

Deno.test({
  name: typeof debian === "string" ? `${name} (skipped: ${debian})` : name,
  ignore: typeof debian === "string",
  timeout: 3 * GUEST_LIMIT_MS,
  async fn(t) {
    if (typeof debian === "string") return;
    await using _debian = debian;
    await using lab = await NetworkLab.open();
    const lan = await lab.lan("br0");
    const client = await lab.hostOn(lan, "10.77.0.2/24");
    await using machine = await SystemdGuest.boot(debian, {
      port: await lab.machinePort(lan),
      address: `${SERVER}/24`,
      timeoutMs: GUEST_LIMIT_MS,
    });
    const walk = new Walk(machine, client);
    await machine.exec(
      `dpkg --install ${packagePath(FIRST)} && dpkg --verify plasm && ` +
        "mkdir -p /var/lib/plasm/stable/amd64 && " +
        "head -c 4096 /dev/urandom > /var/lib/plasm/stable/amd64/vmlinuz",
    );
    const steps = [
      ...["unitIsCopied", "isHealthy", "isConfigured", "comesBack"] as const,
      ...["answersPxe", "isUpgraded", "isPurged"] as const,
    ];
    for (const step of steps) {
      await t.step(`${step}()`, () => walk[step]());
      const line = `guest: ${step} after ${machine.seconds.toFixed(1)} s\n`;
      Deno.stdout.writeSync(new TextEncoder().encode(line));
    }
  },
});
