/**
 * Networks of providers that are broken in one way each, which doctor is to
 * name and nothing else: clocks and the DHT. Links are in doctor_test.ts.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  doctor,
  firewall,
  openSite,
  serveSite,
  signAsOwner,
  siteTest,
} from "../support/doctor_lab.ts";
import { fakeClock, findFaketime } from "../support/faketime.ts";
import type { LabHost } from "../support/network_lab.ts";
import { type ProgramOptions, start } from "../support/programs.ts";

const ALONE = ["--no-dht"];

siteTest(
  "doctor finds a provider healthy that has mDNS off",
  [],
  ["--no-mdns"],
  async ({ lab, stack, host, ...site }) => {
    const others = await lab.hostOn("br0", "10.77.0.2/24");
    const node = await serveNode(stack, others);
    const args = [...site.args, "--bootstrap", node];
    await (await serveSite(stack, { ...site, args }, host))
      .line(/Advertising stable\/arm64/);
    const { found, links, not_looked_at } = await doctor(host, ...args);
    assert.deepEqual(found, []);
    assert.deepEqual(links, []);
    assert.doesNotMatch(not_looked_at.join(), /strangers/);
  },
);

/** A DHT node of another host, until the test ends: its multiaddr. */
async function serveNode(
  stack: AsyncDisposableStack,
  host: LabHost,
): Promise<string> {
  const { path } = await openSite(stack);
  const node = stack.use(
    start("plasmd", ["bootstrap", "--state-dir", join(path, "state")], host),
  );
  const [, address = ""] = await node.line(/DHT node (\/ip4\/10\.77\S+)/);
  return address;
}

const faketime = findFaketime();
const CLOCK = "doctor tells of a clock that differs from a neighbour's";
if (faketime === undefined) {
  Deno.test(`${CLOCK} (skipped: libfaketime is not installed)`, () => {});
} else {
  siteTest(CLOCK, [], ALONE, async ({ lab, host, stack, path, args }) => {
    const neighbour = await lab.hostOn("br0", "10.77.0.2/24");
    const other = await openSite(stack, ...ALONE);
    await serveSite(stack, other, neighbour);
    await serveSite(stack, { path, args }, host);
    assert.deepEqual((await doctor(host, ...args)).found, []);

    const file = join(path, "time");
    await Deno.writeTextFile(file, "+2h");
    const late: ProgramOptions = {
      prefix: host.prefix,
      env: fakeClock(faketime, file),
    };
    const { found, findings } = await doctor(late, ...args);
    assert.deepEqual(found, ["clock_off http://10.77.0.2:8080"]);
    assert.match(findings[0]?.cause ?? "", /120 min behind this machine's/);
    const there = await doctor(late, "--url", "http://10.77.0.2:8080");
    assert.deepEqual(there.found, ["clock_off http://10.77.0.2:8080"]);
  });
  siteTest(
    "doctor tells that an owner's manifest has expired",
    [],
    ALONE,
    async ({ host, stack, path, args }) => {
      await signAsOwner(path, 9);
      const file = join(path, "time");
      await Deno.writeTextFile(file, "+10d");
      const later = { prefix: host.prefix, env: fakeClock(faketime, file) };
      await serveSite(stack, { path, args }, later);
      assert.deepEqual((await doctor(later, ...args)).found, [
        "expired http://127.0.0.1:8080",
      ]);
    },
  );
  siteTest(
    "doctor tells that a provider's clock differs from those of other DHT nodes",
    [],
    ["--no-mdns"],
    async ({ lab, host, stack, ...site }) => {
      const neighbour = await lab.hostOn("br0", "10.77.0.2/24");
      const node = await serveNode(stack, neighbour);
      const file = join(site.path, "time");
      await Deno.writeTextFile(file, "+2h");
      const late = { prefix: host.prefix, env: fakeClock(faketime, file) };
      const args = [...site.args, "--bootstrap", node];
      const provider = await serveSite(stack, { ...site, args }, late);
      await provider.line(/the clock of this machine is 120 minutes ahead/);
      const { found, findings } = await doctor(late, ...args);
      assert.deepEqual(found, ["clock_off http://127.0.0.1:8080"]);
      assert.match(findings[0]?.cause ?? "", /ahead of those of other DHT/);
    },
  );
}

siteTest(
  "doctor tells that the DHT cannot be joined",
  [],
  [],
  async ({ host, stack, ...site }) => {
    const node =
      "/ip4/10.77.0.9/tcp/4001/p2p/12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2";
    const args = [...site.args, "--bootstrap", node];
    const provider = await serveSite(stack, { ...site, args }, host);
    await provider.line(/Cannot join the DHT node/);
    assert.deepEqual((await doctor(host, ...args)).found, [
      `dht_not_joined ${node}`,
    ]);
  },
);

siteTest(
  "doctor tells that other nodes of the DHT cannot connect to the provider's",
  ["nft"],
  [],
  async ({ lab, host, stack, ...site }) => {
    const node = await serveNode(
      stack,
      await lab.hostOn("br0", "10.77.0.2/24"),
    );
    await firewall(host, "input iifname e0 tcp dport 4001 drop");
    const args = [...site.args, "--bootstrap", node];
    const provider = await serveSite(stack, { ...site, args }, host);
    await provider.line(/Other DHT nodes cannot connect/);
    assert.deepEqual((await doctor(host, ...args)).found, [
      "dht_unreachable http://127.0.0.1:8080",
    ]);
  },
);

siteTest(
  "doctor tells that another machine has a copy of the provider's identity",
  [],
  ["--no-mdns"],
  async ({ lab, host, stack, ...site }) => {
    const [one, two] = [
      await lab.hostOn("br0", "10.77.0.2/24"),
      await lab.hostOn("br0", "10.77.0.3/24"),
    ];
    const node = await serveNode(stack, one);
    const args = [...site.args, "--bootstrap", node];
    const first = await serveSite(stack, { ...site, args }, host);
    await first.line(/Advertising stable\/arm64/);
    const copy = await openSite(stack, "--no-mdns", "--bootstrap", node);
    await Deno.mkdir(join(copy.path, "state"), { mode: 0o700 });
    const key = "state/identity.key";
    await Deno.copyFile(join(site.path, key), join(copy.path, key));
    await serveSite(stack, copy, two);
    await first.line(/Another machine has this one's DHT identity/);
    const { findings } = await doctor(host, ...args);
    const codes = findings.map(({ code }) => code);
    assert.deepEqual(codes, ["identity_copied"]);
  },
);
