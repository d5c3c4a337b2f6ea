/**
 * Whom `plasmd serve --pxe` answers by DHCP, and with what: as captured on the
 * LAN.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CLIENT, PxeLan } from "../support/dhcp_lan.ts";
import { bootPacket, type RequestOptions } from "../support/dhcp_requests.ts";
import { until } from "../support/lab_program.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import { run, temporaryDirectory } from "../support/programs.ts";
import { makeFiles } from "../support/image_tree.ts";

const PROGRAMS = ["python3"];
/** A DHCP server that shares its port with nobody. */
async function startKea(host: LabHost): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "plasm-test-" });
  const path = join(directory, "kea.json");
  await Deno.writeTextFile(
    path,
    JSON.stringify({
      Dhcp4: {
        "interfaces-config": { interfaces: ["e0"] },
        "lease-database": { type: "memfile", persist: false },
        subnet4: [{
          id: 1,
          subnet: "10.0.0.0/24",
          pools: [{ pool: "10.0.0.100-10.0.0.199" }],
        }],
      },
    }),
  );
  const kea = host.start(
    "env",
    ...[`KEA_PIDFILE_DIR=${directory}`, `KEA_LOCKFILE_DIR=${directory}`],
    ...["sh", "-c", 'exec kea-dhcp4 -c "$0" 2>&1', path],
  );
  await kea.line("DHCP4_STARTED");
  await Deno.remove(directory, { recursive: true });
  const troubles = kea.lines.filter((line) => line.includes("SOCKET_FAIL"));
  assert.deepEqual(troubles, []);
}

for (const order of ["before", "after"] as const) {
  labTest(
    `Kea, started ${order} the provider on its host, gives addresses, and the provider offers`,
    [...PROGRAMS, "kea-dhcp4"],
    async (lab) => {
      await using lan = await PxeLan.open(lab, {
        async before(host) {
          await host.exec("ip", "route", "add", "default", "via", CLIENT);
          if (order === "before") await startKea(host);
        },
      });
      if (order === "after") await startKea(lan.server);
      await lan.ask({ xid: 5 });
      await until("both have answered", () => lan.answers.length >= 2);
      assert.deepEqual(
        lan.answers.map(({ from, file, message }) =>
          `${from} ${message.yiaddr.join(".")} ${file}`
        ).sort(),
        ["10.0.0.1:67 0.0.0.0 snponly.efi", "10.0.0.1:67 10.0.0.100 "],
      );
    },
  );
}

/** Longer than any answer took, by far, on a busy machine. */
const NOTHING_COMES_MS = 1500;

/** Waits for the answer to a request, and says it: type, file, where to. */
async function answered(
  lan: PxeLan,
  options: RequestOptions,
): Promise<string> {
  const xid = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  await lan.ask({ ...options, xid });
  const own = () => lan.answers.find((answer) => answer.xid === xid);
  await until(
    `there is an answer to ${JSON.stringify(options)}`,
    () => own() !== undefined,
  );
  const answer = own();
  assert.ok(answer);
  const { from, to, type, file, server, identifier, vendorClass, bytes } =
    answer;
  assert.deepEqual([from, to], ["10.0.0.1:67", "255.255.255.255:68"]);
  assert.deepEqual([server, identifier], ["10.0.0.1", "10.0.0.1"]);
  assert.ok(bytes.length >= 300 && bytes.length <= 548, `${bytes.length}`);
  return `${type} ${vendorClass} ${file}`;
}

labTest(
  "each kind of firmware is offered what it can load",
  PROGRAMS,
  async (lab) => {
    await using lan = await PxeLan.open(lab);
    assert.equal(
      await answered(lan, { archType: 0 }),
      "OFFER PXEClient undionly.kpxe",
    );
    assert.equal(
      await answered(lan, { archType: 7 }),
      "OFFER PXEClient snponly.efi",
    );
    assert.equal(
      await answered(lan, { archType: 9 }),
      "OFFER PXEClient snponly.efi",
    );
    assert.equal(
      await answered(lan, {
        archType: 16,
        vendorClass: "HTTPClient:Arch:00016",
      }),
      "OFFER HTTPClient http://10.0.0.1:8080/boot/snponly.efi",
    );
    assert.equal(
      await answered(lan, { archType: 7, userClass: "iPXE" }),
      "OFFER PXEClient http://10.0.0.1:8080/boot.ipxe",
    );
    await lan.unicast(bootPacket({ type: "REQUEST", xid: 4011 }), 4011);
    const asked = () => lan.answers.find(({ xid }) => xid === 4011);
    await until("port 4011 answers", () => asked() !== undefined);
    const { type, file, from, to } = asked() ?? {};
    assert.deepEqual(
      [type, file, from, to],
      ["ACK", "snponly.efi", "10.0.0.1:4011", "10.0.0.50:68"],
    );
  },
);

labTest(
  "not a packet for those who are not to boot here",
  PROGRAMS,
  async (lab) => {
    const mac = (last: string) => `52:54:00:00:00:${last}`;
    await using lan = await PxeLan.open(lab, {
      config: [
        "[pxe]",
        'loaders = "loaders"',
        `deny = ["${mac("01")}"]`,
        "[[machines]]",
        `mac = "${mac("02")}"`,
        'boot = "local"',
      ].join("\n"),
      images: ["stable/x86_64", "stable/riscv64"],
      flags: ["--arch", "x86_64", "--arch", "riscv64"],
    });
    const silent: readonly RequestOptions[] = [
      { mac: mac("01") },
      { mac: mac("02") },
      // No image.
      { mac: mac("03"), archType: 11 },
      // No loader.
      { mac: mac("04"), archType: 27 },
      // A client that wants an address, one that has an offer, and firmware that
      // takes one from a DHCP server.
      { mac: mac("05"), vendorClass: "udhcp 1.36.1", without: [93] },
      { mac: mac("06"), without: [60] },
      { mac: mac("07"), type: "REQUEST" },
    ];
    for (const options of silent) {
      await lan.ask(options);
      await lan.unicast(bootPacket({ ...options, type: "REQUEST" }), 4011);
    }
    // What is answered comes after all that is not.
    assert.match(await answered(lan, { mac: mac("08") }), /snponly/);
    await new Promise((resolve) => setTimeout(resolve, NOTHING_COMES_MS));
    const wanted = [mac("05"), mac("06"), mac("07")];
    const answers = lan.answers.filter((answer) => answer.mac !== mac("08"));
    // Of those at port 4011 one was of firmware that may boot.
    assert.deepEqual(
      answers.map(({ type, mac, to }) => `${type} ${mac} ${to}`),
      [`ACK ${wanted[2]} 10.0.0.50:68`],
    );
    const lines = lan.provider.lines().filter((line) =>
      line.includes("52:54:00")
    );
    assert.deepEqual(
      lines.map((line) =>
        line.replace("INFO 52:54:00:00:00:", "").replace(/: put .*/, "")
      ).sort(),
      [
        "02 UEFI x86_64: left to its own disk",
        "03 UEFI arm64: offered nothing, since no image for arm64 is served",
        "04 UEFI riscv64: offered nothing, no boot loader for UEFI riscv64",
        "07 UEFI x86_64: offered the menu, for which snponly.efi comes by TFTP",
        "08 UEFI x86_64: offered the menu, for which snponly.efi comes by TFTP",
      ],
    );
  },
);

labTest("SIGHUP takes other machines, and says so", PROGRAMS, async (lab) => {
  await using lan = await PxeLan.open(lab);
  assert.match(await answered(lan, {}), /snponly/);
  await Deno.writeTextFile(
    join(lan.directory, "plasmd.toml"),
    '[pxe]\nloaders = "loaders"\nunknown = "ignore"\n',
  );
  Deno.kill(lan.provider.pid, "SIGHUP");
  await lan.provider.line(/Reloaded the configuration: \[pxe\] unknown/);
  await lan.provider.line(
    /answered on e0 10\.0\.0\.1; those not listed in \[\[machines\]\] are ignored/,
  );
  const before = lan.answers.length;
  await lan.ask();
  await new Promise((resolve) => setTimeout(resolve, NOTHING_COMES_MS));
  assert.equal(lan.answers.length, before);
});

labTest("a link that comes later is answered, too", PROGRAMS, async (lab) => {
  await using lan = await PxeLan.open(lab);
  const other = await lab.lan("br1");
  await lan.server.plug("e1", other, "10.0.1.1/24");
  await lan.provider.line(/answered on e0 10\.0\.0\.1, e1 10\.0\.1\.1;/);
});

labTest("without the capability the start ends, and says which it takes", [
  "setpriv",
], async (lab) => {
  const host = await lab.host();
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await makeFiles(path, { "artifacts/stable/x86_64/vmlinuz": 10 });
  const { code, stderr } = await run("plasmd", [
    ...["serve", "--artifacts", join(path, "artifacts"), "--pxe"],
    ...["--no-dht", "--no-mdns", "--state-dir", join(path, "state")],
  ], {
    prefix: [...host.prefix, "setpriv", "--bounding-set=-net_bind_service"],
  });
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /UDP port 67: it requires the capability CAP_NET_BIND_SERVICE/,
  );
});
