/** DHCP on the LAN of a BootLab, by servers that know nothing of booting. */
import { join } from "node:path";
import { type BootLab, type DhcpServer, SERVER } from "./boot_lab.ts";

const DHCP_SERVER = "10.0.0.2";

/** A DHCP server on a host of its own, or on the provider's. */
export async function plainDhcp(
  lab: BootLab,
  { onServer = false }: { readonly onServer?: boolean } = {},
): Promise<DhcpServer> {
  const host = onServer
    ? lab.server
    : await lab.network.hostOn(lab.lan, `${DHCP_SERVER}/24`, "fd00:10::2/64");
  // The shortest lease that dnsmasq gives, or a usual one.
  const lease = onServer ? "2m" : "12h";
  const range = `--dhcp-range=10.0.0.100,10.0.0.199,${lease}`;
  return await lab.dnsmasq(host, "--conf-file=", range);
}

/**
 * A host that gets its address by DHCP, and keeps it.
 *
 * @returns its MAC address
 */
export async function dhcpClient(lab: BootLab): Promise<string> {
  const host = await lab.network.hostOn(lab.lan);
  const script = join(await lab.directory("udhcpc"), "script");
  await Deno.writeTextFile(
    script,
    '#!/bin/sh\n[ "$ip" ] && ip address replace "$ip/24" dev "$interface"\n',
    { mode: 0o755 },
  );
  host.start("busybox", "udhcpc", "-f", "-i", "e0", "-s", script);
  return (await host.exec("cat", "/sys/class/net/e0/address")).trim();
}

/**
 * Another LAN for the machines, behind a relay that passes requests on to the
 * provider and to a DHCP server beside it.
 */
export async function moveBehindRelay(lab: BootLab): Promise<DhcpServer> {
  const lan = await lab.network.lan("br9");
  const relay = await lab.network.hostOn(lab.lan, "10.0.0.9/24");
  await relay.plug("e1", lan, "10.0.9.1/24");
  await relay.exec("sysctl", "-qw", "net.ipv4.ip_forward=1");
  const dhcp = await lab.network.hostOn(lab.lan, `${DHCP_SERVER}/24`);
  for (const host of [lab.server, dhcp]) {
    await host.exec("ip", "route", "add", "10.0.9.0/24", "via", "10.0.0.9");
  }
  relay.start(
    "dnsmasq",
    ...["--conf-file=", "--keep-in-foreground", "--user=root", "--port=0"],
    ...["--pid-file", "--interface=e1", "--interface=e0"],
    ...[SERVER, DHCP_SERVER].map((to) => `--dhcp-relay=10.0.9.1,${to}`),
  );
  lab.lan = lan;
  return await lab.dnsmasq(
    dhcp,
    "--conf-file=",
    "--dhcp-range=10.0.9.100,10.0.9.199,255.255.255.0,12h",
    "--dhcp-option=option:router,10.0.9.1",
  );
}
