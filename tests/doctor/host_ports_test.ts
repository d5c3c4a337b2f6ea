import assert from "node:assert/strict";
import { DEFAULT_CONFIG } from "../../lib/config/provider_config.ts";
import {
  loadersOnDisk,
  portsInTheWay,
  pxePortsMissed,
} from "../../lib/doctor/host_ports.ts";
import type { Listen } from "../../lib/net/http1/listeners.ts";
import { addressOn } from "../support/doctor_observations.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryDhcpNetwork } from "../support/memory_dhcp.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const SETTINGS = { ...DEFAULT_CONFIG, stateDir: "/state", bind: "10.0.0.1" };

/** A system where ports cannot be had, and how many are held at the end. */
function systemWith(codes: Readonly<Record<number, string>>) {
  let open = 0;
  const listen: Listen = ({ port }) => {
    const code = codes[port];
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    open++;
    const listener: Partial<Deno.TcpListener> = { close: () => open-- };
    return listener as Deno.TcpListener;
  };
  return { listen, count: () => open };
}

Deno.test("portsInTheWay() tells ports that are taken from those that are not allowed, and keeps none", async () => {
  const network = new MemoryDhcpNetwork();
  const { listen, count } = systemWith({ 8080: "EADDRINUSE", 80: "EACCES" });
  const way = (port: number, dht: { enabled: boolean; port?: number }) =>
    portsInTheWay(
      { ...SETTINGS, port, dht: { ...SETTINGS.dht, port: undefined, ...dht } },
      network,
      listen,
    );
  assert.deepEqual(await way(8080, { enabled: false }), [
    { name: "TCP port 8080", problem: "taken" },
  ]);
  assert.deepEqual(await way(80, { enabled: true, port: 8080 }), [
    { name: "TCP port 80", problem: "forbidden" },
    { name: "TCP port 8080", problem: "taken" },
  ]);
  // It need not try what the address has not.
  for (const code of ["EADDRNOTAVAIL", undefined]) {
    assert.deepEqual(
      await portsInTheWay(
        { ...SETTINGS, dht: { ...SETTINGS.dht, enabled: false } },
        network,
        () => {
          throw Object.assign(new Error("lookup"), { code });
        },
      ),
      [{ name: "10.0.0.1", problem: "absent" }],
    );
  }
  // Without a port of its own the node takes a free one.
  assert.deepEqual(await way(0, { enabled: true }), []);
  assert.equal(count(), 0);
  assert.equal(network.opened.size, 0);
});

Deno.test("portsInTheWay() tries those of PXE on each link, and lets go of them", async () => {
  const network = new MemoryDhcpNetwork();
  network.interfaces = [
    addressOn("lo", "127.0.0.1"),
    addressOn("e0", "10.0.0.1"),
    addressOn("e1", "10.1.0.1"),
  ];
  network.refusals.set("10.1.0.1:69", { kind: "taken", message: "" });
  network.refusals.set("10.0.0.1:69", { kind: "taken", message: "" });
  network.refusals.set("255.255.255.255:67", {
    kind: "forbidden",
    message: "",
  });
  const pxe = { ...SETTINGS.pxe, enabled: true };
  const { listen } = systemWith({});
  assert.deepEqual(await portsInTheWay({ ...SETTINGS, pxe }, network, listen), [
    { name: "UDP port 67", problem: "forbidden" },
    { name: "UDP port 69", problem: "taken" },
  ]);
  assert.deepEqual([...network.opened.keys()], [
    "10.0.0.1:4011",
    "10.1.0.1:4011",
  ]);
  assert.deepEqual(network.openEndpoints, []);
});

Deno.test("loadersOnDisk() misses a loader where an architecture has none at all", async () => {
  const disk = new MemoryFileSystem().file("/boot/snponly.efi");
  const look = (loaders: string, ...arches: string[]) => {
    const pxe = { ...SETTINGS.pxe, enabled: true, loaders };
    return loadersOnDisk({ ...SETTINGS, pxe }, new Set(arches), disk);
  };
  // Old firmware has none here, which may be meant.
  assert.deepEqual(await look("/boot", "x86_64"), {
    path: "/boot",
    missing: [],
  });
  const arm = await look("/boot", "x86_64", "arm64");
  assert.equal(arm?.missing.length, 1);
  assert.match(arm?.missing[0] ?? "", /UEFI arm64/);
  assert.match((await look("/gone", "arm64"))?.problem ?? "", /not exist/);
  assert.equal(
    await loadersOnDisk(SETTINGS, new Set(["arm64"]), disk),
    undefined,
  );
});

Deno.test("pxePortsMissed() asks a provider that runs for a file, and tries the port that it shares", async () => {
  const pxe = { ...SETTINGS.pxe, enabled: true };
  const look = async (hasTftp: boolean, settings = { ...SETTINGS, pxe }) => {
    const clock = new FakeClock();
    const network = new MemoryDhcpNetwork();
    network.interfaces = [
      addressOn("e0", "10.0.0.1"),
      addressOn("e1", "10.1.0.1"),
    ];
    network.refusals.set("10.1.0.1:4011", { kind: "taken", message: "" });
    const looking = pxePortsMissed(settings, network, {
      isServed: (address) => address === "10.0.0.1",
      clock,
      signal: new AbortController().signal,
    });
    if (hasTftp) {
      await Promise.resolve();
      const from = { address: "10.0.0.1", port: 3000 };
      network.deliver(Uint8Array.of(0, 3, 0, 1), {
        address: "10.0.0.1",
        port: 0,
      }, from);
    } else await clock.advance(2000);
    return { ports: await looking, network };
  };
  const well = await look(true);
  assert.deepEqual(well.ports, []);
  assert.deepEqual(
    well.network.sent.map(({ packet, to }) => [packet[1], to.port]),
    [[1, 69], [4, 3000]],
  );
  assert.deepEqual(well.network.openEndpoints, []);
  assert.deepEqual((await look(false)).ports, [
    { name: "UDP port 69", problem: "taken" },
  ]);
  const off = await look(false, SETTINGS);
  assert.deepEqual([off.ports, off.network.sent], [[], []]);
});
