/**
 * Hosts of providers that are broken in one way each, which doctor is to name
 * and nothing else; and healthy ones, on which it finds nothing. Both programs
 * are given the same options.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  doctor,
  serveSite,
  signAsOwner,
  siteTest,
} from "../support/doctor_lab.ts";
import { programCommand, runsSource } from "../support/shipped_programs.ts";

const ALONE = ["--no-dht"];
/** As root, and bound by the permissions of files nevertheless. */
const BOUND = [
  "setpriv",
  "--inh-caps=-dac_override,-dac_read_search",
  "--bounding-set=-dac_override,-dac_read_search",
];

siteTest(
  "doctor finds nothing where a provider runs, and says that it could not see limits",
  [],
  ALONE,
  async (site) => {
    await serveSite(site.stack, site, site.host);
    const { found, not_looked_at, warnings } = await doctor(
      site.host,
      ...site.args,
    );
    assert.deepEqual(found, []);
    assert.deepEqual(warnings, []);
    if (!runsSource) {
      assert.match(not_looked_at.join(), /Deno shows with --allow-all only/);
    }
    // Its disk is nobody's business who has other settings.
    const other = await doctor(site.host);
    assert.deepEqual(other.found, []);
    assert.match(other.not_looked_at.join(), /give doctor the options that/);
  },
);

siteTest(
  "doctor tells that a directory holds checksums alone",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    const image = join(path, "artifacts/stable/arm64");
    await Deno.rename(join(image, "vmlinuz"), join(image, "vmlinuz.sha256"));
    const before = await doctor(host, ...args);
    assert.deepEqual(
      before.findings.map(({ code }) => code),
      ["image_not_offered", "no_provider"],
    );
    await serveSite(stack, { path, args }, host);
    const { found, findings } = await doctor(host, ...args);
    assert.deepEqual(found, ["image_not_offered stable/arm64"]);
    assert.match(findings[0]?.cause ?? "", /vmlinuz\.sha256/);
  },
);

siteTest(
  "doctor tells that the kernel may not be read",
  ["setpriv"],
  ALONE,
  async ({ host, stack, path, args }) => {
    await Deno.chmod(join(path, "artifacts/stable/arm64/vmlinuz"), 0);
    const options = { prefix: [...host.prefix, ...BOUND] };
    assert.deepEqual(
      (await doctor(options, ...args)).findings.map(({ code }) => code),
      ["image_unreadable", "no_provider"],
    );
    const provider = await serveSite(stack, { path, args }, options);
    await provider.line(/permission denied/);
    const { found } = await doctor(options, ...args);
    assert.deepEqual(found, ["image_unreadable stable/arm64"]);
  },
);

siteTest(
  "doctor tells that an owner's manifest expires soon",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    await signAsOwner(path, 9);
    await serveSite(stack, { path, args }, host);
    const { found, findings } = await doctor(host, ...args);
    assert.deepEqual(found, ["expires_soon http://127.0.0.1:8080"]);
    assert.match(findings[0]?.next_step ?? "", /plasmd manifest renew/);
  },
);

siteTest(
  "doctor tells that others may read the key, whether the provider runs or not",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    const key = join(path, "state/signing.key");
    const { end } = await serveSite(stack, { path, args }, host);
    await Deno.chmod(key, 0o644);
    assert.deepEqual((await doctor(host, ...args)).found, [
      `key_unusable ${key}`,
    ]);
    await end("SIGTERM");
    const { found, findings } = await doctor(host, ...args);
    assert.deepEqual(found, [`key_unusable ${key}`]);
    assert.match(findings[0]?.next_step ?? "", /^run: chmod 600/);
    const named = [...args, "--signing-key", join(path, "gone.pem")];
    assert.deepEqual((await doctor(host, ...named)).found, [
      `key_unusable ${join(path, "gone.pem")}`,
    ]);
  },
);

siteTest(
  "doctor tells of a state directory that is full, read-only, or anybody's",
  ["mount", "unshare"],
  ALONE,
  async ({ host, stack, path, args }) => {
    const state = join(path, "state");
    await serveSite(stack, { path, args }, host);
    const mounted = async (how: string) => {
      const script =
        `mount -t tmpfs -o ${how} none "$0" && { cat /etc/*.conf /etc/services /etc/protocols > "$0/fill" 2>/dev/null; shift 0; exec "$@"; }`;
      return await doctor({
        prefix: [
          ...[...host.prefix, "unshare", "-m", "sh", "-c", script, state],
        ],
      }, ...args);
    };
    assert.deepEqual((await mounted("size=4k,mode=700")).found, [
      `disk_full ${state}`,
    ]);
    assert.deepEqual((await mounted("size=64m,mode=700,ro")).found, [
      `state_unwritable ${state}`,
    ]);
    await Deno.chmod(state, 0o777);
    assert.deepEqual((await doctor(host, ...args)).found, [
      `state_open_to_others ${state}`,
    ]);
  },
);

siteTest(
  "doctor tells that another program has the port of HTTP",
  [],
  ALONE,
  async ({ host, args }) => {
    await host.startDeno("port_holder.ts", "tcp", "8080").line("held");
    assert.deepEqual((await doctor(host, ...args)).found, [
      "port_taken TCP port 8080",
    ]);
  },
);

siteTest(
  "doctor tells that bare machines are led here, and there is no loader for them",
  [],
  [...ALONE, "--pxe"],
  async ({ host, stack, path, args }) => {
    const config = join(path, "provider.toml");
    const loaders = join(path, "loaders");
    await Deno.mkdir(loaders);
    await Deno.writeTextFile(config, `[pxe]\nloaders = "${loaders}"\n`);
    const own = [...args, "--config", config];
    await serveSite(stack, { path, args: own }, host);
    const { found } = await doctor(host, ...own);
    assert.deepEqual(found, [`pxe_loaders_missing ${loaders}`]);
    await Deno.mkdir(join(loaders, "arm64-efi"));
    await Deno.writeTextFile(join(loaders, "arm64-efi/snponly.efi"), "MZ");
    assert.deepEqual((await doctor(host, ...own)).found, []);
  },
);

for (const port of ["67", "69", "4011"]) {
  siteTest(
    `doctor tells that another program has UDP port ${port} for itself`,
    [],
    [...ALONE, "--pxe"],
    async ({ host, stack, path, args }) => {
      const config = join(path, "provider.toml");
      await Deno.writeTextFile(join(path, "snponly-arm64.efi"), "MZ");
      await Deno.writeTextFile(config, `[pxe]\nloaders = "${path}"\n`);
      await host.startDeno("port_holder.ts", "udp", port).line("held");
      const own = [...args, "--config", config];
      const taken = [`port_taken UDP port ${port}`];
      assert.deepEqual((await doctor(host, ...own)).found, taken);
      // Without that of DHCP it does not start; without the others it does.
      if (port === "67") return;
      await serveSite(stack, { path, args: own }, host);
      assert.deepEqual((await doctor(host, ...own)).found, taken);
    },
  );
}

siteTest(
  "doctor tells that a user may not have the ports of PXE",
  ["setpriv"],
  [...ALONE, "--pxe"],
  async ({ host, path, args }) => {
    const config = join(path, "provider.toml");
    await Deno.writeTextFile(join(path, "snponly-arm64.efi"), "MZ");
    await Deno.writeTextFile(config, `[pxe]\nloaders = "${path}"\n`);
    const drop = "-net_bind_service";
    const { found } = await doctor(
      {
        prefix: [
          ...[...host.prefix, "setpriv", `--inh-caps=${drop}`],
          `--bounding-set=${drop}`,
        ],
      },
      ...args,
      "--config",
      config,
    );
    assert.deepEqual(found, ["port_forbidden UDP port 67,UDP port 69"]);
  },
);

siteTest(
  "doctor tells, with every permission, that a provider may open few files",
  ["prlimit"],
  ALONE,
  async ({ host, stack, path, args }) => {
    const prefix = [...host.prefix, "prlimit", "--nofile=256:256"];
    await serveSite(stack, { path, args }, { prefix });
    if (!runsSource) {
      assert.deepEqual((await doctor(host, ...args)).found, []);
    }
    const command = programCommand("plasmd");
    const runner = runsSource ? command : [
      Deno.execPath(),
      "run",
      "--allow-all",
      "--no-prompt",
      ...command.slice(-1),
    ];
    const { found, not_looked_at } = await doctor({
      ...host,
      prefix: host.prefix,
      runner,
    }, ...args);
    assert.deepEqual(found, ["descriptors_low open files"]);
    assert.doesNotMatch(not_looked_at.join(), /--allow-all/);
  },
);

siteTest(
  "doctor tells that nobody finds a provider with everything off, and one without an image",
  [],
  [...ALONE, "--no-mdns"],
  async ({ host, stack, path, args }) => {
    await serveSite(stack, { path, args }, host);
    assert.deepEqual((await doctor(host, ...args)).found, [
      "nothing_advertised http://127.0.0.1:8080",
    ]);
  },
);

siteTest(
  "doctor tells that there is no image, and no directory",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    await Deno.remove(join(path, "artifacts/stable"), { recursive: true });
    await serveSite(stack, { path, args }, host);
    assert.deepEqual((await doctor(host, ...args)).found, [
      "nothing_served http://127.0.0.1:8080",
    ]);
    const gone = [
      ...[...args, "--artifacts", join(path, "gone"), "--port", "8090"],
      ...["--state-dir", join(path, "other-state")],
    ];
    assert.deepEqual((await doctor(host, ...gone)).found, [
      `artifacts_unreadable ${join(path, "gone")}`,
    ]);
  },
);
