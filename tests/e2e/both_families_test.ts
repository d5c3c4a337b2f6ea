/** A provider on IPv4 and IPv6 at once, as its clients and operators see it. */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";

for (const bindv6only of [0, 1]) {
  labTest(
    `HTTP answers on both families, each client in its own form, where net.ipv6.bindv6only is ${bindv6only}`,
    ["curl"],
    async (lab) => {
      const lan = await lab.lan("br0");
      const server = await lab.hostOn(lan, "10.77.0.1/24", "fd77::1/64");
      const client = await lab.hostOn(lan, "10.77.0.9/24", "fd77::9/64");
      await server.exec("sysctl", "-qw", `net.ipv6.bindv6only=${bindv6only}`);
      await using directory = await temporaryDirectory();
      const root = directory.path;
      await makeFiles(root, { "artifacts/stable/arm64/vmlinuz": 1000 });
      await Deno.writeTextFile(
        `${root}/artifacts/stable/arm64/cmdline`,
        "root={url}/rootfs",
      );
      const config = `${root}/plasmd.toml`;
      await Deno.writeTextFile(config, "[http]\naccess_log = true\n");
      await using provider = start("plasmd", [
        ...["serve", "--config", config, "--artifacts", `${root}/artifacts`],
        ...["--state-dir", `${root}/state`, "--no-dht"],
      ], { prefix: server.prefix });
      await provider.line(/Serving on http:\/\/\[::\]:8080/);
      await provider.line(/Advertising stable\/arm64/);
      const get = (host: string, path: string) =>
        client.exec("curl", "-gsSf", `http://${host}:8080/${path}`);
      for (const host of ["10.77.0.1", "[fd77::1]"]) {
        for (const script of ["boot.ipxe", "grub.cfg"]) {
          const text = await get(host, `stable/arm64/${script}`);
          assert.ok(text.includes(host), text);
          assert.ok(!text.includes("::ffff:"), text);
        }
        await get(host, "stable/arm64/kernel");
      }
      await provider.line(/10\.77\.0\.9[^\n]*\n[^]*fd77::9/);
      const said = await get("10.77.0.1", "status") +
        provider.lines().join("\n");
      assert.ok(!said.includes("::ffff:"), said);
    },
  );
}

for (const bindv6only of [0, 1]) {
  labTest(
    `the DHT is joined and searched by either family where net.ipv6.bindv6only is ${bindv6only}`,
    ["curl"],
    async (lab) => {
      const lan = await lab.lan("br0");
      const server = await lab.hostOn(lan, "10.77.0.1/24", "fd77::1/64");
      const client4 = await lab.hostOn(lan, "10.77.0.8/24");
      const client6 = await lab.hostOn(lan, "fd77::9/64");
      await server.exec("sysctl", "-qw", `net.ipv6.bindv6only=${bindv6only}`);
      await using directory = await temporaryDirectory();
      const meet = (name: string, host: LabHost, ...more: string[]) =>
        start("plasmd", [
          ...["bootstrap", "--state-dir", `${directory.path}/${name}`],
          ...["--port", "8081", ...more],
        ], { prefix: host.prefix });
      await using meeting = meet("meeting", server);
      const [line = ""] = await meeting.line(/DHT node .*\n/);
      assert.match(line, /\/ip4\/10\.77\.0\.1\/tcp\/4001\//);
      assert.match(line, /\/ip6\/fd77::1\/tcp\/4001\//);
      assert.doesNotMatch(line, /127\.0\.0\.1|::1\/tcp\/.*::1\/|::ffff/);
      const [at4 = ""] = /\/ip4\/\S+/.exec(line) ?? [];
      const [at6 = ""] = /\/ip6\/\S+/.exec(line) ?? [];
      await using only4 = meet("four", client4, "--bootstrap", at4);
      await using only6 = meet("six", client6, "--bootstrap", at6);
      await only4.line(/DHT node \/ip4\/10\.77\.0\.8\//);
      await only6.line(/DHT node \/ip6\/fd77::9\//);
      const get = (host: LabHost, address: string) =>
        host.exec("curl", "-gsSf", `http://${address}:8081/peers`);
      const expected = ["/ip4/10.77.0.8/", "/ip6/fd77::9/"];
      let said = "";
      for (let tries = 0; tries < 100; tries++) {
        said = await get(client4, "10.77.0.1");
        if (expected.every((one) => said.includes(one))) break;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      for (const one of expected) assert.ok(said.includes(one), said);
      assert.doesNotMatch(said, /::ffff/);
    },
  );
}

labTest(
  "a client of either family alone finds a provider of both over the DHT",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24", "fd77::1/64");
    const meeting = await lab.hostOn(lan, "10.77.0.2/24", "fd77::2/64");
    const client4 = await lab.hostOn(lan, "10.77.0.8/24");
    const client6 = await lab.hostOn(lan, "fd77::9/64");
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await makeFiles(root, { "artifacts/stable/arm64/vmlinuz": 1000 });
    await using bootstrap = start("plasmd", [
      ...["bootstrap", "--state-dir", `${root}/meeting`],
    ], { prefix: meeting.prefix });
    const [line = ""] = await bootstrap.line(/DHT node .*\n/);
    const [at4 = ""] = /\/ip4\/\S+/.exec(line) ?? [];
    const [at6 = ""] = /\/ip6\/\S+/.exec(line) ?? [];
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", `${root}/artifacts`, "--no-mdns"],
      ...["--state-dir", `${root}/provider`, "--bootstrap", at4],
    ], { prefix: server.prefix });
    await provider.line(/Advertising stable\/arm64/);
    const find = (host: LabHost, ...args: string[]) =>
      run("phase_discover", [
        ...["--mode", "wan", "--channel", "stable", "--arch", "arm64"],
        ...["--timeout", "10", "--format", "json", ...args],
      ], { prefix: host.prefix });
    for (
      const [host, at, url] of [
        [client4, at4, "http://10.77.0.1:8080"],
        [client6, at6, "http://[fd77::1]:8080"],
      ] as const
    ) {
      const found = await find(host, "--bootstrap", at);
      assert.equal(found.code, 0, found.stderr + found.stdout);
      assert.equal(
        JSON.parse(found.stdout).manifest_url,
        `${url}/stable/arm64/manifest.json`,
      );
    }
    // Who has both finds one provider, whichever of its addresses it is told.
    const both = await find(
      meeting,
      ...["--all", "--timeout", "3", "--bootstrap", at4, "--bootstrap", at6],
    );
    assert.equal(JSON.parse(both.stdout).length, 1, both.stdout);
  },
);
