/**
 * Settings with which a provider does not start, or not as it should, and what
 * a running one is left without: doctor names the cause, and nothing else.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  doctor,
  openSite,
  serveSite,
  siteTest,
} from "../support/doctor_lab.ts";
import { run, start } from "../support/programs.ts";

const ALONE = ["--no-dht"];
/** An ordinary user, to whom the directories of a site belong to nobody. */
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

siteTest(
  "doctor finds nothing in the first moments of a provider",
  [],
  ALONE,
  async ({ host, stack, args }) => {
    const provider = stack.use(start("plasmd", ["serve", ...args], host));
    await provider.line(/Serving on/);
    assert.deepEqual((await doctor(host, ...args)).found, []);
  },
);

siteTest(
  "doctor tells an ordinary user what it cannot read or write",
  ["setpriv"],
  ALONE,
  async ({ host, path, args }) => {
    await Deno.chmod(path, 0o755);
    const user = { prefix: [...host.prefix, ...NOBODY] };
    const state = join(path, "state");
    // It can be made by root alone, then it belongs to root.
    assert.deepEqual((await doctor(user, ...args)).found, [
      `state_unwritable ${state}`,
    ]);
    await Deno.mkdir(state, { mode: 0o755 });
    assert.deepEqual((await doctor(user, ...args)).found, [
      `state_unwritable ${state}`,
    ]);
    await Deno.chown(state, 65534, 65534);
    const key = join(path, "key.pem");
    await run("plasmd", ["key", "generate", "--out", key]);
    const { found, findings } = await doctor(
      user,
      ...[...args, "--signing-key", key],
    );
    assert.deepEqual(found, [`key_unusable ${key}`]);
    assert.match(findings[0]?.next_step ?? "", /give it to the user of plasmd/);
  },
);

siteTest(
  "doctor tells that a running provider may not write to its state directory",
  ["setpriv"],
  ALONE,
  async ({ host, stack, path, args }) => {
    await Deno.chmod(path, 0o755);
    await Deno.mkdir(join(path, "state"), { mode: 0o755 });
    const key = join(path, "key.pem");
    await run("plasmd", ["key", "generate", "--out", key]);
    await Deno.chown(key, 65534, 65534);
    const own = [...args, "--signing-key", key];
    const user = { prefix: [...host.prefix, ...NOBODY] };
    await serveSite(stack, { path, args: own }, user);
    for (const asked of [host, user]) {
      assert.deepEqual((await doctor(asked, ...own)).found, [
        `state_unwritable ${join(path, "state")}`,
      ]);
    }
  },
);

siteTest(
  "doctor tells of a state directory in use, and of an address and an interface that are not there",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    await serveSite(stack, { path, args }, host);
    const second = [...args, "--port", "8081"];
    assert.deepEqual((await doctor(host, ...second)).found, [
      `state_in_use ${join(path, "state")}`,
    ]);
    const other = await openSite(stack, ...ALONE, "--port", "8082");
    const away = [...other.args, "--bind", "10.99.0.1"];
    assert.deepEqual((await doctor(host, ...away)).found, [
      "no_such_address 10.99.0.1",
    ]);
    const named = [...other.args, "--interface", "e0", "--interface", "nope0"];
    await serveSite(stack, { ...other, args: named }, host);
    assert.deepEqual((await doctor(host, ...named)).found, [
      "no_such_interface nope0",
    ]);
  },
);

siteTest(
  "doctor takes a provider that hangs for no other program",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    const provider = await serveSite(stack, { path, args }, host);
    Deno.kill(provider.pid, "SIGSTOP");
    try {
      const { findings } = await doctor(host, ...args);
      assert.deepEqual(findings.map(({ code }) => code), ["no_provider"]);
      assert.match(findings[0]?.cause ?? "", /what serves there hangs/);
    } finally {
      Deno.kill(provider.pid, "SIGCONT");
    }
  },
);

siteTest(
  "doctor tells of an image that does not match its checksums, beside one that is whole",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    const images = join(path, "artifacts/stable");
    await Deno.mkdir(join(images, "x86_64"));
    for (
      const [name, text] of [
        ["vmlinuz", "another one"],
        ["image.toml", 'checksums = "SHA256SUMS"'],
        ["SHA256SUMS", `${"0".repeat(64)}  vmlinuz\n`],
      ] as const
    ) await Deno.writeTextFile(join(images, "x86_64", name), text);
    const both = [...args, "--arch", "x86_64"];
    await serveSite(stack, { path, args: both }, host);
    assert.deepEqual((await doctor(host, ...both)).found, [
      "image_not_offered stable/x86_64",
    ]);
  },
);

siteTest(
  "doctor tells that a kernel is of another architecture, and that the directory of images has gone",
  [],
  ALONE,
  async ({ host, stack, path, args }) => {
    const artifacts = join(path, "artifacts");
    const kernel = new Uint8Array(1024);
    kernel.set(new TextEncoder().encode("HdrS"), 0x202);
    await Deno.writeFile(join(artifacts, "stable/arm64/vmlinuz"), kernel);
    const provider = await serveSite(stack, { path, args }, host);
    assert.deepEqual((await doctor(host, ...args)).found, [
      "kernel_of_other_arch stable/arm64",
    ]);
    await Deno.rename(artifacts, `${artifacts}-away`);
    await provider.line(/only what can still be read is offered/);
    assert.deepEqual((await doctor(host, ...args)).found, [
      `artifacts_unreadable ${artifacts}`,
    ]);
  },
);
