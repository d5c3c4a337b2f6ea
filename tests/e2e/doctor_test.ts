import assert from "node:assert/strict";
import {
  doctor,
  doctorTest,
  firewall,
  openSite,
  serve,
} from "../support/doctor_lab.ts";
import { run } from "../support/programs.ts";

doctorTest(
  "doctor finds nothing on a healthy host, names what is passed over, and nothing from a neighbour",
  [],
  async (lab, stack) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24", "fd77::1/64");
    await server.plug("docker0", await lab.lan("br1"), "172.17.0.1/16");
    const client = await lab.hostOn(lan, "10.77.0.9/24", "fd77::9/64");
    await serve(stack, server.prefix);
    const here = await doctor(server);
    assert.deepEqual(here.found, []);
    assert.deepEqual(
      here.links.map(({ interface: name, multicast, heard }) => [
        name,
        multicast,
        heard.map(({ manifest_url }) => manifest_url),
      ]),
      ["10.77.0.1", "[fd77::1]"].map((host) => [
        ...["e0", true],
        [`http://${host}:8080/stable/arm64/manifest.json`],
      ]),
    );
    assert.deepEqual(here.passed_over, [{
      interface: "docker0",
      addresses: here.passed_over[0]?.addresses,
      reason: "it leads to containers or virtual machines by its name",
    }]);
    assert.ok(
      here.not_looked_at.some((what) =>
        what.includes("--url http://10.77.0.1:8080 on another machine")
      ),
    );
    const there = await doctor(client, "--url", "http://10.77.0.1:8080");
    assert.deepEqual(there.found, []);
    assert.equal(there.is_local, false);
    assert.deepEqual(there.not_looked_at, [
      "the DHT, which the provider has off",
    ]);
    const { code, stdout } = await run("plasmd", ["doctor"], {
      prefix: server.prefix,
    });
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^link {6}e0 10\.77\.0\.1 {2}a client hears stable\/arm64 at http:\/\/10\.77\.0\.1:8080$/m,
    );
    assert.match(stdout, /^Nothing was found that keeps clients/m);
  },
);

Deno.test("doctor finds nothing where a provider keeps to loopback, as it was told", async () => {
  await using stack = new AsyncDisposableStack();
  const url = await serve(stack, [], "--interface", "lo", "--port", "0");
  const { found, links } = await doctor({ prefix: [] }, "--url", url);
  assert.deepEqual(found, []);
  assert.deepEqual(links.map((link) => link.interface), ["lo"]);
});

doctorTest(
  "doctor tells that another program holds port 5353 for itself",
  [],
  async (lab, stack) => {
    const [server] = await lab.twoHosts();
    await server.startDeno("port_holder.ts").line("held");
    await serve(stack, server.prefix);
    const { found, findings } = await doctor(server);
    assert.deepEqual(found, ["mdns_port_held e0 10.77.0.1"]);
    assert.match(findings[0]?.next_step ?? "", /ss -ulpn sport = :5353/);
  },
);

doctorTest(
  "doctor tells that docker0 is all there is",
  [],
  async (lab, stack) => {
    const server = await lab.host();
    await server.plug("docker0", await lab.lan("br0"), "172.17.0.1/16");
    await serve(stack, server.prefix);
    const { found, findings } = await doctor(server);
    assert.deepEqual(found, ["no_lan_address http://127.0.0.1:8080"]);
    assert.match(findings[0]?.cause ?? "", /loopback alone.*docker0 172\.17/);
  },
);

doctorTest(
  "doctor tells of a host without an address, and of an interface that is not there",
  [],
  async (lab, stack) => {
    const server = await lab.hostOn(await lab.lan("br0"));
    await serve(stack, server.prefix);
    const { found, findings } = await doctor(server);
    assert.deepEqual(found, ["no_lan_address http://127.0.0.1:8080"]);
    assert.match(findings[0]?.cause ?? "", /e0 fe80\S+ is passed over: it has/);

    const other = await lab.host();
    await serve(stack, other.prefix, "--interface", "nope0");
    const named = await doctor(other);
    assert.deepEqual(named.found, ["no_such_interface nope0"]);
  },
);

doctorTest(
  "doctor tells the links of a host apart",
  ["nft"],
  async (lab, stack) => {
    const server = await lab.hostOn(await lab.lan("br0"), "10.77.0.1/24");
    await server.plug("e1", await lab.lan("br1"), "10.78.0.1/24");
    await serve(stack, server.prefix);
    const { found, links } = await doctor(server);
    assert.deepEqual(found, []);
    assert.deepEqual(
      links.map(({ heard }) => heard.map(({ manifest_url }) => manifest_url)),
      ["10.77.0.1", "10.78.0.1"].map((host) => [
        `http://${host}:8080/stable/arm64/manifest.json`,
      ]),
    );
    await firewall(server, "input iifname e1 udp dport 5353 drop");
    assert.deepEqual((await doctor(server)).found, [
      "multicast_dropped e1 10.78.0.1",
    ]);
  },
);

for (
  const [what, rules] of [
    ["drops it", ["input udp dport 5353 drop"]],
    ["lets in what it knows alone", [
      "input iifname lo accept",
      "input tcp dport 8080 accept",
      "input drop",
    ]],
  ] as const
) {
  doctorTest(
    `doctor tells that a firewall which ${what} drops multicast`,
    ["nft"],
    async (lab, stack) => {
      const [server, client] = await lab.twoHosts();
      await serve(stack, server.prefix);
      await firewall(server, ...rules);
      const { found } = await doctor(server);
      assert.deepEqual(found, ["multicast_dropped e0 10.77.0.1"]);
      const there = await doctor(client, "--url", "http://10.77.0.1:8080");
      assert.deepEqual(there.found, ["not_heard e0 10.77.0.2"]);
    },
  );
}

doctorTest(
  "doctor tells that a firewall keeps multicast from being sent",
  ["nft"],
  async (lab, stack) => {
    const [server] = await lab.twoHosts();
    await serve(stack, server.prefix);
    await firewall(server, "output udp dport 5353 drop");
    const { found } = await doctor(server);
    assert.deepEqual(found, ["multicast_not_sent e0 10.77.0.1"]);
  },
);

doctorTest(
  "doctor tells that HTTP was bound to another address",
  [],
  async (lab, stack) => {
    const lan = await lab.lan("br0");
    const loopback = await lab.hostOn(lan, "10.77.0.1/24");
    await serve(stack, loopback.prefix, "--bind", "127.0.0.1");
    assert.deepEqual((await doctor(loopback)).found, [
      "http_bound_elsewhere e0 10.77.0.1",
    ]);

    const two = await lab.hostOn(lan, "10.77.0.2/24", "fd77::2/64");
    await two.plug("e1", await lab.lan("br1"), "10.78.0.2/24");
    await serve(stack, two.prefix, "--bind", "10.78.0.2");
    const { found, findings } = await doctor(two);
    assert.deepEqual(found, [
      "http_bound_elsewhere e0 10.77.0.2,e0 fd77::2",
    ]);
    assert.match(
      findings[0]?.cause ?? "",
      /HTTP listens on 10\.78\.0\.2 alone/,
    );

    // What was left out on purpose is no finding.
    const kept = await lab.hostOn(lan, "10.77.0.3/24", "fd77::3/64");
    await kept.plug("e1", await lab.lan("br2"), "10.79.0.3/24");
    await serve(
      stack,
      kept.prefix,
      ...["--bind", "10.77.0.3", "--interface", "e0"],
    );
    assert.deepEqual((await doctor(kept)).found, []);
  },
);

doctorTest(
  "doctor tells that what clients are told is not reachable from their link",
  [],
  async (lab, stack) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    await server.plug("e1", await lab.lan("br1"), "10.78.0.1/24");
    await serve(
      stack,
      server.prefix,
      "--advertise-url",
      "http://10.78.0.1:8080",
    );
    const { found, findings } = await doctor(server);
    assert.deepEqual(found, ["address_off_link e0 10.77.0.1"]);
    assert.match(findings[0]?.cause ?? "", /but on e1 of this machine/);

    const away = await lab.hostOn(lan, "10.77.0.2/24");
    await serve(stack, away.prefix, "--advertise-url", "http://192.0.2.1:8080");
    assert.deepEqual((await doctor(away)).found, [
      "address_off_link e0 10.77.0.2",
    ]);

    // On the link, and nobody there.
    const dead = await lab.hostOn(lan, "10.77.0.3/24");
    await serve(stack, dead.prefix, "--advertise-url", "http://10.77.0.1:1");
    assert.deepEqual((await doctor(dead)).found, [
      "url_no_answer e0 10.77.0.3",
    ]);
  },
);

for (
  const [verdict, says] of [
    [
      "drop",
      /10\.77\.0\.1:8080 gives no answer: a firewall drops TCP port 8080/,
    ],
    [
      "reject",
      /10\.77\.0\.1:8080 refuses the connection: a firewall rejects TCP/,
    ],
    ["reject with tcp reset", /refuses the connection: a firewall rejects/],
    ["reject with icmpx admin-prohibited", /No route.*: a firewall rejects/],
  ] as const
) {
  doctorTest(
    `doctor tells a neighbour that HTTP is blocked by a firewall: ${verdict}`,
    ["nft"],
    async (lab, stack) => {
      const [server, client] = await lab.twoHosts();
      await serve(stack, server.prefix);
      await firewall(server, `input iifname e0 tcp dport 8080 ${verdict}`);
      const { found, findings } = await doctor(
        client,
        ...["--url", "http://10.77.0.1:8080"],
      );
      assert.deepEqual(found, ["http_blocked http://10.77.0.1:8080"]);
      assert.match(findings[0]?.cause ?? "", says);
      // The host itself does not see it, and says so.
      const here = await doctor(server);
      assert.deepEqual(here.found, []);
      assert.match(here.not_looked_at.join(), /firewall lets others in to TCP/);
    },
  );
}

doctorTest(
  "doctor tells that no provider is there, here and from a neighbour",
  [],
  async (lab, stack) => {
    const [server, client] = await lab.twoHosts();
    const { args } = await openSite(stack);
    const here = await doctor(server, ...args);
    assert.equal(here.provider, null);
    assert.deepEqual(here.findings.map(({ code }) => code), ["no_provider"]);
    const there = await doctor(client, "--url", "http://10.77.0.1:8080");
    assert.deepEqual(there.found, ["no_provider http://10.77.0.1:8080"]);
    const named = await run(
      "plasmd",
      ["doctor", "--url", "http://nowhere.invalid:8080"],
      { prefix: client.prefix },
    );
    assert.equal(named.code, 2);
    assert.match(named.stderr, /that name does not resolve; correct --url/);
  },
);
