import assert from "node:assert/strict";
import { type LabHost, labTest } from "../support/network_lab.ts";

async function asked(host: LabHost, interfaceName: string): Promise<string> {
  const program = host.startDeno("preferred_address.ts", interfaceName);
  return await program.line("");
}

labTest(
  "preferredAddress() is an address that is not deprecated, where there is any",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const host = await lab.hostOn(lan, "fd77::1/64");
    const ip = (args: string) => host.exec("ip", ...args.split(" "));
    // The system lists the one that came last first.
    await ip("address add fd78::1/64 dev e0 nodad preferred_lft 0");
    assert.equal(await asked(host, "e0"), "fd77::1");
    await ip("address add fd79::1/64 dev e0 nodad");
    await ip("address change fd77::1/64 dev e0 preferred_lft 0");
    assert.equal(await asked(host, "e0"), "fd79::1");
  },
);

labTest(
  "preferredAddress() is undefined where the system does not say",
  [],
  async (lab) => {
    const host = await lab.host();
    assert.equal(await asked(host, "e9"), "undefined");
  },
);
