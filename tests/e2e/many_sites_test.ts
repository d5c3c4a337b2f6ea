/**
 * The private network of docs/networks.md, by its commands as they stand: each
 * on a host of its own, two bootstrap nodes, a head office and a site.
 */
import assert from "node:assert/strict";
import type { LabProgram } from "../support/lab_program.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import { makeFiles } from "../support/image_tree.ts";
import { readFences } from "../support/pages.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { programInShell } from "../support/shipped_programs.ts";

const PAGE = new URL("../../docs/networks.md", import.meta.url);

/** What is fenced in the page under a first line that begins with a name. */
async function readSteps(): Promise<(name: string) => string> {
  const fences = readFences(await Deno.readTextFile(PAGE));
  return (name) =>
    fences.map(({ text }) => text)
      .find((text) => text.startsWith(`# ${name}`)) ??
      assert.fail(`docs/networks.md has nothing for ${name}`);
}

/** Runs the steps of the page, each host with directories of its own. */
class Page {
  readonly #root: string;
  readonly #step: (name: string) => string;
  /** Of the bootstrap nodes, by their IP addresses. */
  readonly #peers = new Map<string, string>();

  constructor(root: string, step: (name: string) => string) {
    this.#root = root;
    this.#step = step;
  }

  /** Where the page says that something lies. */
  at(name: string, path: string): string {
    return `${this.#root}/${name}${path}`;
  }

  /** A text of the page, for a host of this machine. */
  text(step: string, name = step): string {
    return this.#step(step)
      .replaceAll("/var/lib/", this.at(name, "/var/lib/"))
      .replaceAll("/srv/", this.at(name, "/srv/"))
      .replace(
        /(\/ip4\/([\d.]+)\/tcp\/4001\/p2p\/)12D3KooW\.\.\./g,
        (_, address, host) =>
          address +
          (this.#peers.get(host) ?? assert.fail(`${host} is unknown`)),
      );
  }

  /** Starts what a step says, in the directory of the host. */
  async start(host: LabHost, name: string): Promise<LabProgram> {
    await Deno.mkdir(this.at(name, "/srv/images"), { recursive: true });
    await Deno.mkdir(this.at(name, "/var/lib"), { recursive: true });
    const script = `cd ${this.at(name, "")}
plasmd() { exec ${programInShell("plasmd")} "$@" 2>&1; }
phase_discover() { exec ${programInShell("phase_discover")} "$@" 2>&1; }
${this.text(name)}`;
    return host.start("sh", "-c", script);
  }

  /** One of the two that others join through. */
  async meet(host: LabHost, name: string): Promise<LabProgram> {
    const program = await this.start(host, name);
    const line = await program.line("DHT node ", 20_000);
    const [, address = "", peerId = ""] =
      /ip4\/([\d.]+)\/tcp\/4001\/p2p\/(\w+)/.exec(line) ?? [];
    this.#peers.set(address, peerId);
    return program;
  }
}

labTest(
  "a private network of many sites, as docs/networks.md has it",
  [],
  async (lab) => {
    await using directory = await temporaryDirectory();
    const page = new Page(directory.path, await readSteps());
    const between = await lab.lan("between");
    const lan = await lab.lan("lan1");
    const hostAt = (last: number) =>
      lab.hostOn(between, `198.51.100.${last}/24`);
    const first = await page.meet(await hostAt(1), "boot-1");
    await page.meet(await hostAt(2), "boot-2");

    const office = "head-office";
    await makeFiles(page.at(office, "/srv/images"), {
      "stable/x86_64/vmlinuz": 1 << 16,
    });
    await Deno.writeTextFile(
      page.at(office, "/provider.toml"),
      page.text("provider.toml", office),
    );
    const officeHost = await hostAt(10);
    const serving = await page.start(officeHost, office);
    await serving.line("INFO Advertising stable/x86_64", 30_000);
    const show = `${programInShell("plasmd")} key show --format pem ` +
      `--state-dir ${page.at(office, "/var/lib/plasmd")}`;
    const key = await officeHost.exec("sh", "-c", show);

    // The site's machine has the copy of another network only by the DHT.
    const siteHost = await hostAt(21);
    await siteHost.plug("e1", lan, "10.21.0.1/24");
    for (const name of ["site-1", "box"]) {
      await Deno.mkdir(page.at(name, ""), { recursive: true });
      await Deno.writeTextFile(page.at(name, "/owner.pub"), key);
    }
    const mirror = await page.start(siteHost, "site-1");
    await mirror.line("INFO Advertising stable/x86_64", 60_000);

    const boxHost = await lab.hostOn(lan, "10.21.0.9/24");
    const found = await (await page.start(boxHost, "box")).done();
    assert.match(
      found.join("\n"),
      /^MANIFEST_URL=http:\/\/10\.21\.0\.1:8080\/stable\/x86_64\/manifest\.json$/m,
    );

    // One of the two goes: a box elsewhere, which knows both, finds it all the same.
    await first.end("SIGKILL");
    const elsewhere = await hostAt(99);
    await Deno.mkdir(page.at("elsewhere", ""), { recursive: true });
    const bootstraps = page.text("site-1").match(/--bootstrap \S+/g) ?? [];
    assert.equal(bootstraps.length, 2);
    const alone = await elsewhere.exec(
      "sh",
      "-c",
      `cd ${page.at("box", "")} && ${programInShell("phase_discover")} ` +
        `--mode wan --channel stable --arch x86_64 --key owner.pub ` +
        `--dht-protocol /example/kad/1.0.0 ${bootstraps.join(" ")} 2>/dev/null`,
    );
    assert.match(alone, /^MANIFEST_URL=http:\/\/198\.51\.100\.(10|21):8080\//m);
  },
);
