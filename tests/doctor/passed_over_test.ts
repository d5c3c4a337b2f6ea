import assert from "node:assert/strict";
import { absentInterfaces, passedOver } from "../../lib/doctor/passed_over.ts";
import { addressOn } from "../support/doctor_observations.ts";

const ALL = [
  addressOn("lo", "127.0.0.1"),
  addressOn("e0", "10.77.0.1"),
  addressOn("e0", "fe80::1"),
  addressOn("e1", "fe80::2"),
  addressOn("docker0", "172.17.0.1"),
  addressOn("br-lan", "192.168.1.1"),
];

function reasons(named: string[], used: string[], bare: string[] = []) {
  return Object.fromEntries(
    passedOver(ALL, { bare, used, named })
      .map(({ interfaceName, reason }) => [interfaceName, reason]),
  );
}

const LINK_LOCAL =
  "it has a link-local IPv6 address alone, which no URL can name";

Deno.test("passedOver() says why a provider does not use an interface", () => {
  assert.deepEqual(reasons([], ["e0", "br-lan"], ["e2"]), {
    e1: LINK_LOCAL,
    docker0: "it leads to containers or virtual machines by its name",
    e2: "it has no address",
  });
  assert.deepEqual(reasons(["e0"], ["e0"]), {
    e1: LINK_LOCAL,
    docker0: "the provider was told which interfaces to use",
    "br-lan": "the provider was told which interfaces to use",
  });
  assert.equal(
    reasons([], ["e0"])["br-lan"],
    "the provider does not use it yet",
  );
});

Deno.test("absentInterfaces() names what is to be used and is not there", () => {
  assert.deepEqual(
    absentInterfaces(ALL, [
      "e0",
      "lo",
      "!e9",
      "nope0",
      "10.77.0.1",
      "10.0.0.9",
    ]),
    ["nope0", "10.0.0.9"],
  );
  // No URL can name a link-local address.
  assert.deepEqual(absentInterfaces(ALL, ["e1"]), ["e1"]);
  assert.deepEqual(absentInterfaces(ALL, []), []);
});
