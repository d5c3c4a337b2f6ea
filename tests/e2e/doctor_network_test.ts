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
  "doctor tells that other nodes of the DHT cannot connect with the provider's",
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
