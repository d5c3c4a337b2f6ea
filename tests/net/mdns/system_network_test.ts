import { selectLinks } from "../../../lib/net/interfaces.ts";
import { systemMdnsNetwork } from "../../../lib/net/mdns/system_network.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testMdnsNetwork } from "../../support/mdns_network_contract.ts";
import { MemoryLan } from "../../support/memory_lan.ts";

testMdnsNetwork("systemMdnsNetwork", () => {
  const [link] = selectLinks(systemMdnsNetwork.addresses(), ["127.0.0.1"]);
  if (link === undefined) throw new Error("This machine has no loopback");
  return {
    network: systemMdnsNetwork,
    link,
    settle: () => new Promise((resolve) => setTimeout(resolve, 50)),
  };
});

testMdnsNetwork("MemoryLan", () => {
  const clock = new FakeClock();
  const network = new MemoryLan({ clock }).host("10.0.0.1");
  const [link] = selectLinks(network.addresses(), []);
  if (link === undefined) throw new Error("The host has no link");
  return { network, link, settle: () => clock.advance(10) };
});
