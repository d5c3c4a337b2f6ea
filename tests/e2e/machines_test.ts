/** Machines that are told apart: their rows, their scripts, and what they did. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { until } from "../support/lab_program.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";

const MAC = "52:54:00:12:34:56";
const QUERY = `?mac=${MAC}&uuid=&serial=`;

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, `${url}: ${text}`);
  return text;
}

function tables(machines: string): string {
  return '[provider]\nchannels = ["stable", "testing"]\n' +
    'architectures = ["x86_64"]\nartifacts_dir = "artifacts"\n' +
    'state_dir = "state"\ninterfaces = ["lo"]\nport = 0\n' +
    "[dht]\nenabled = false\n[mdns]\nenabled = false\n" + machines;
}

/** A provider of two images, and how its configuration is changed. */
async function serveMachines(path: string, machines: string) {
  await makeFiles(path, {
    "artifacts/stable/x86_64/vmlinuz": 4096,
    "artifacts/stable/x86_64/initramfs.img": 512,
    "artifacts/testing/x86_64/vmlinuz": 100,
  });
  const config = join(path, "plasmd.toml");
  const write = (text: string) => Deno.writeTextFile(config, tables(text));
  await write(machines);
  const provider = start("plasmd", ["serve", "--config", config]);
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(/Serving testing\/x86_64/);
  return Object.assign(provider, { url, write });
}

Deno.test("a machine boots what its row says, and each step is told", async () => {
  await using directory = await temporaryDirectory();
  await using provider = await serveMachines(
    directory.path,
    `[[machines]]\nmac = "52-54-00-12-34-56"\nname = "rack1-07"\n` +
      `channel = "stable"\ncmdline = "console=ttyS1"\n`,
  );
  const { url } = provider;
  assert.match(
    await get(`${url}/boot.ipxe`),
    /^chain --replace boot\.ipxe\?mac=/m,
  );
  assert.match(await get(`${url}/boot.ipxe${QUERY}`), /^set channel stable$/m);
  const script = await get(`${url}/stable/x86_64/boot.ipxe${QUERY}`);
  assert.match(
    script,
    /^# Added for this machine, not signed: console=ttyS1\n(?:.*\n)*kernel .* console=ttyS1 \|\|/m,
  );
  assert.match(
    await get(`${url}/stable/x86_64/grub.cfg${QUERY}`),
    /^# Added for this machine, not signed: console=ttyS1$/m,
  );
  for (const [blob] of script.matchAll(/\/blobs\/sha256\/[0-9a-f]{64}/g)) {
    await get(url + blob);
  }
  const title = `INFO ${MAC} \\(rack1-07\\): `;
  await provider.line(new RegExp(`${title}script that boots stable\n`));
  await provider.line(new RegExp(`${title}script of stable/x86_64\n`));
  await provider.line(new RegExp(`${title}kernel sent\n`));
  await provider.line(new RegExp(`${title}all of it sent\n`));
  const status = await run("plasmd", ["status", "--url", url]);
  assert.match(
    status.stdout,
    /^machine {2}52:54:00:12:34:56 \(rack1-07\) 127\.0\.0\.1: all of it sent, since /m,
  );
  const { machines } = JSON.parse(await get(`${url}/status`));
  assert.equal(machines.length, 1);
  assert.equal(machines[0].image, "stable/x86_64");
  assert.match(
    await get(`${url}/metrics`),
    /^plasmd_machines\{step="done"\} 1$/m,
  );
});

Deno.test({
  name:
    "a SIGHUP takes other machines, and keeps the old ones where there is a mistake",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using directory = await temporaryDirectory();
    await using provider = await serveMachines(directory.path, "");
    const script = () => get(`${provider.url}/boot.ipxe${QUERY}`);
    const reload = async (machines: string) => {
      await provider.write(machines);
      Deno.kill(provider.pid, "SIGHUP");
    };
    assert.doesNotMatch(await script(), /^goto local$/m);
    await reload(`[[machines]]\nmac = "${MAC}"\nboot = "local"\n`);
    await provider.line(/INFO Reloaded the configuration: \[\[machines\]\]\n/);
    assert.match(await script(), /^goto local$/m);
    await reload(`[[machines]]\nmac = "${MAC}"\nboot = "disk"\n`);
    await provider.line(
      /ERROR .*plasmd\.toml" line 14 column 8: "boot" in \[\[machines\]\] must be "network", "menu" or "local", got "disk"; the old configuration stays in effect\n/,
    );
    assert.match(await script(), /^goto local$/m);
    await reload('[pxe]\nunknown = "testing"\n');
    await until(
      "unknown machines boot testing",
      async () => /^set channel testing$/m.test(await script()),
    );
  },
});
