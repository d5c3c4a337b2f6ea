/** Providers and what `plasmd doctor` says of them, on hosts of a lab. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { DoctorDocument } from "../../lib/doctor/report.ts";
import { makeFiles } from "./image_tree.ts";
import { type LabHost, labTest, type NetworkLab } from "./network_lab.ts";
import {
  type ProgramOptions,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "./programs.ts";

/** A directory with stable/arm64, and the settings of a provider of it. */
export interface Site {
  readonly path: string;
  /** What both `serve` and `doctor` are started with. */
  readonly args: readonly string[];
}

/** A site of a provider without a DHT, until the test ends. */
export async function openSite(
  stack: AsyncDisposableStack,
  ...args: string[]
): Promise<Site> {
  const { path } = stack.use(await temporaryDirectory());
  await makeFiles(path, { "artifacts/stable/arm64/vmlinuz": 1000 });
  return {
    path,
    args: [
      ...["--artifacts", join(path, "artifacts"), "--channel", "stable"],
      ...["--arch", "arm64", "--state-dir", join(path, "state"), ...args],
    ],
  };
}

/** Puts a manifest beside the image of a site that another key has signed. */
export async function signAsOwner(
  path: string,
  expiresDays: number,
): Promise<void> {
  const key = join(path, "owner.pem");
  for (
    const args of [
      ["key", "generate", "--out", key],
      [
        ...["manifest", "generate", "--artifacts", join(path, "artifacts")],
        ...["--channel", "stable", "--arch", "arm64"],
        ...["--expires-days", `${expiresDays}`],
      ],
      [
        ...["manifest", "sign", "--key", key],
        join(path, "artifacts/stable/arm64/manifest.json"),
      ],
    ]
  ) {
    const { code, stderr } = await run("plasmd", args);
    assert.equal(code, 0, stderr);
  }
}

/** Starts the provider of a site, and waits until it has looked at it. */
export async function serveSite(
  stack: AsyncDisposableStack,
  { args }: Site,
  options: ProgramOptions,
): Promise<RunningProgram> {
  const provider = stack.use(start("plasmd", ["serve", ...args], options));
  await provider.line(/Found \d+ channel/);
  return provider;
}

/** A provider of stable/arm64 on a host, until the test ends: its URL. */
export async function serve(
  stack: AsyncDisposableStack,
  prefix: readonly string[],
  ...args: string[]
): Promise<string> {
  const site = await openSite(stack, "--no-dht", ...args);
  const provider = await serveSite(stack, site, { prefix });
  const [, url = ""] = await provider.line(/Serving on (http:\S+)/);
  return url;
}

/** What doctor says; its exit code is held to that. */
export async function doctor(
  options: ProgramOptions,
  ...args: string[]
): Promise<DoctorDocument & { readonly found: readonly string[] }> {
  const { code, stdout, stderr } = await run(
    "plasmd",
    ["doctor", "--json", ...args],
    options,
  );
  assert.ok(stdout.startsWith("{"), stderr);
  const document: DoctorDocument = JSON.parse(stdout);
  assert.equal(code, document.findings.length === 0 ? 0 : 1, stdout);
  const found = document.findings.map(({ code, where }) =>
    `${code} ${where.join()}`
  );
  return { ...document, found };
}

/** Gives a host's firewall rules in a table of its own. */
export async function firewall(
  host: LabHost,
  ...rules: string[]
): Promise<void> {
  await host.exec("nft", "add table inet lab");
  for (const hook of ["input", "output"]) {
    await host.exec(
      "nft",
      `add chain inet lab ${hook} { type filter hook ${hook} priority 0; }`,
    );
  }
  for (const rule of rules) await host.exec("nft", `add rule inet lab ${rule}`);
}

/** A test of one host on a LAN, 10.77.0.1, or of what it is given. */
export function doctorTest(
  name: string,
  programs: readonly string[],
  body: (lab: NetworkLab, stack: AsyncDisposableStack) => Promise<void>,
): void {
  labTest(name, programs, async (lab) => {
    await using stack = new AsyncDisposableStack();
    await body(lab, stack);
  });
}

/** One host on a LAN, br0, and a site on it. */
export interface Setup extends Site {
  readonly lab: NetworkLab;
  readonly host: LabHost;
  readonly stack: AsyncDisposableStack;
}

/** A test of a site at 10.77.0.1. */
export function siteTest(
  name: string,
  programs: readonly string[],
  args: readonly string[],
  body: (setup: Setup) => Promise<void>,
): void {
  doctorTest(name, programs, async (lab, stack) => {
    const host = await lab.hostOn(await lab.lan("br0"), "10.77.0.1/24");
    await body({ lab, host, stack, ...await openSite(stack, ...args) });
  });
}
