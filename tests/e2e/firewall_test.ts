/** The firewall's rules of examples/: with them clients find, without not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { doctor, openSite, serveSite } from "../support/doctor_lab.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import { run } from "../support/programs.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url).pathname;

/** Ports as the examples have them, and those of the table in docs/service.md. */
async function portsIn(name: string, pattern: RegExp): Promise<string[]> {
  const text = await Deno.readTextFile(`${EXAMPLES}${name}`);
  return text.matchAll(pattern).flatMap((match) => {
    const { protocol = "", ports = "" } = match.groups ?? {};
    return ports.split(/\D+/).filter((port) => port !== "")
      .map((port) => `${port}/${protocol}`);
  }).toArray().sort();
}

Deno.test("the examples for firewalls let the same ports in, those of the documents", async () => {
  const expected = ["4001/tcp", "4011/udp", "5353/udp", "67/udp", "69/udp"];
  expected.push("8080/tcp");
  assert.deepEqual(
    await portsIn(
      "firewall.nft",
      /^\s*(?<protocol>tcp|udp) dport (?<ports>[{} ,\d]+) accept/gm,
    ),
    expected,
  );
  assert.deepEqual(
    await portsIn(
      "firewalld-plasmd.xml",
      /<port protocol="(?<protocol>\w+)" port="(?<ports>\d+)" ?\/>/g,
    ),
    expected,
  );
  assert.deepEqual(
    await portsIn("ufw-plasmd", /(?<ports>[\d,]+)\/(?<protocol>tcp|udp)/g),
    expected,
  );
  assert.deepEqual(
    await portsIn(
      "../docs/service.md",
      /^\| (?<ports>\d+)\/(?<protocol>tcp|udp) +\|/gm,
    ),
    expected,
  );
});

/** What Debian's documents have for a machine that lets nobody in. */
async function letNobodyIn(host: LabHost): Promise<void> {
  await host.exec("nft", "add table inet filter");
  await host.exec(
    "nft",
    "add chain inet filter input { type filter hook input priority 0; policy drop; }",
  );
  for (
    const rule of [
      "ct state established,related accept",
      "iif lo accept",
      "meta l4proto { icmp, icmpv6 } accept",
    ]
  ) await host.exec("nft", `add rule inet filter input ${rule}`);
}

labTest(
  "examples/firewall.nft lets clients find, fetch and boot, which the policy alone does not",
  ["nft", "curl"],
  async (lab) => {
    await using stack = new AsyncDisposableStack();
    const [server, client] = await lab.twoHosts();
    await letNobodyIn(server);
    const site = await openSite(stack);
    await Deno.writeTextFile(join(site.path, "snponly-arm64.efi"), "MZ");
    const config = join(site.path, "provider.toml");
    await Deno.writeTextFile(config, `[pxe]\nloaders = "${site.path}"\n`);
    const args = [...site.args, "--config", config, "--pxe"];
    const provider = await serveSite(stack, { ...site, args }, server);
    const [, node = ""] = await provider.line(/DHT node (\/ip4\/10\.77\S+)/);
    const find = (...args: string[]) =>
      run("phase_discover", [
        ...["--channel", "stable", "--arch", "arm64", "--timeout", "4"],
        ...args,
      ], { prefix: client.prefix });
    const ways = [["--mode", "lan"], ["--mode", "wan", "--bootstrap", node]];
    const load = () =>
      client.exec(
        ...["curl", "-s", "--max-time", "4", "--tftp-no-options"],
        "tftp://10.77.0.1/snponly-arm64.efi",
      );
    for (const way of ways) assert.equal((await find(...way)).code, 3);
    await assert.rejects(load());

    await server.exec("nft", "-f", `${EXAMPLES}firewall.nft`);
    for (const way of ways) {
      const { code, stdout, stderr } = await find(...way);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /MANIFEST_URL=http:\/\/10\.77\.0\.1:8080\//);
    }
    assert.equal(await load(), "MZ");
    assert.deepEqual((await doctor(server, ...args)).found, []);
    const there = await doctor(client, "--url", "http://10.77.0.1:8080");
    assert.deepEqual(there.found, []);
  },
);
