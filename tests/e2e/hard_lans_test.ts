/**
 * LANs that are not as they should be: the programs as their users run them.
 */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import {
  type LabHost,
  labTest,
  type NetworkLab,
} from "../support/network_lab.ts";
import {
  type Ended,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** Starts a provider of images, and waits until stable/arm64 can be found. */
async function serve(
  host: LabHost,
  root: string,
  images: readonly string[] = ["stable/arm64"],
): Promise<RunningProgram> {
  const files = images.map((image) => [`${image}/vmlinuz`, 1000] as const);
  await makeFiles(`${root}/artifacts`, Object.fromEntries(files));
  const provider = start("plasmd", [
    ...["serve", "--artifacts", `${root}/artifacts`],
    ...["--state-dir", `${root}/state`, "--no-dht"],
  ], { prefix: host.prefix });
  await provider.line(/Advertising stable\/arm64/);
  return provider;
}

/** A provider and a client on a cable of their own; how many runs found. */
async function foundOver(
  lab: NetworkLab,
  [server, client]: [LabHost, LabHost],
  { seed, runs }: { readonly seed: number; readonly runs: number },
): Promise<{ found: number; said: string[] }> {
  await using directory = await temporaryDirectory();
  await using _provider = await serve(server, directory.path);
  await lab.lossyCable([server, client], { loss: 0.2, seed });
  const said: string[] = [];
  for (let i = 0; i < runs; i++) {
    const { code, stderr } = await discover(client, 10);
    if (code !== 0) said.push(`${code}: ${stderr}`);
  }
  return { found: runs - said.length, said };
}

/** Runs `phase_discover` on a host. */
function discover(
  host: LabHost,
  timeoutSeconds: number,
  channel = "stable",
): Promise<Ended> {
  return run("phase_discover", [
    ...["--channel", channel, "--arch", "arm64", "--mode", "lan"],
    ...["--timeout", String(timeoutSeconds), "--quiet"],
  ], { prefix: host.prefix });
}

const URL_1 = "http://10.77.0.1:8080/stable/arm64/manifest.json";

/** What the machine may be busy with, on top of what is promised. */
const BUSY_MS = 3000;

labTest(
  "a switch port that opens 17 s after its carrier came hides the image for 5 s at the most",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const [server, late] = [
      await lab.hostOn(lan, "10.77.0.1/24"),
      await lab.hostOn(lan, "10.77.0.3/24"),
    ];
    await using directory = await temporaryDirectory();
    await using _provider = await serve(server, directory.path);
    await late.setPort("e0", "nomaster");
    const searching = discover(late, 30);
    await new Promise((resolve) => setTimeout(resolve, 17_000));
    const openMs = performance.now();
    await late.setPort("e0", "master", lan);
    const { code, stdout, stderr } = await searching;
    const tookMs = performance.now() - openMs;
    assert.equal(stdout.trim(), URL_1, `${code}: ${stderr}`);
    assert.ok(tookMs < 5000 + BUSY_MS, `${tookMs} ms`);
  },
);

labTest(
  "where a fifth of all frames is lost each way, 49 of 50 clients find the image within 10 s",
  ["python3"],
  async (lab) => {
    const hosts: [LabHost, LabHost][] = [];
    for (let i = 0; i < 5; i++) hosts.push(await lab.twoHosts());
    const pairs = await Promise.all(
      hosts.map((pair, seed) => foundOver(lab, pair, { seed, runs: 10 })),
    );
    const found = pairs.reduce((sum, pair) => sum + pair.found, 0);
    const said = pairs.flatMap((pair) => pair.said).join("\n");
    assert.ok(found >= 49, `${found} of 50 found it: ${said}`);
  },
);

labTest(
  "of 300 images a client knows, no packet is larger than the wire takes",
  ["python3"],
  async (lab) => {
    const [server, client] = await lab.twoHosts();
    await using directory = await temporaryDirectory();
    const others = Array.from({ length: 299 }, (_, i) => `channel-${i}/arm64`);
    const images = [...others, "stable/arm64"];
    await using _provider = await serve(server, directory.path, images);
    const relay = await lab.lossyCable([server, client], { loss: 0, seed: 1 });
    const { code, stderr } = await discover(client, 6, "missing");
    assert.equal(code, 3, stderr);
    assert.ok(stderr.includes("Available: "), stderr);
    const seen = JSON.parse((await relay.end()).at(-1) ?? "");
    assert.ok(seen.passed > 50, `${seen.passed} packets`);
    assert.equal(seen.fragments, 0);
  },
);

labTest(
  "a provider with 40 interfaces in one subnet is found at once",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    for (let i = 2; i <= 40; i++) {
      await server.plug(`e${i}`, lan, `10.77.0.${i}/24`);
    }
    await using directory = await temporaryDirectory();
    await using _provider = await serve(server, directory.path);
    const client = await lab.hostOn(lan, "10.77.0.99/24");
    const startMs = performance.now();
    const { code, stdout, stderr } = await discover(client, 10);
    const tookMs = performance.now() - startMs;
    // Any of its addresses will do.
    assert.match(
      stdout,
      /^http:\/\/10\.77\.0\.([1-9]|[1-3]\d|40):8080\/stable\/arm64\/manifest\.json\n$/,
      `${code}: ${stderr}`,
    );
    assert.ok(tookMs < 1000 + BUSY_MS, `${tookMs} ms`);
  },
);
