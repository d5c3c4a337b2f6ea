/**
 * LANs that are not as they should be: the programs as their users run them.
 */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
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

/** Runs `phase_discover` on a host. */
function discover(host: LabHost, timeoutSeconds: number): Promise<Ended> {
  return run("phase_discover", [
    ...["--channel", "stable", "--arch", "arm64", "--mode", "lan"],
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
