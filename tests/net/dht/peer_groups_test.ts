import assert from "node:assert/strict";
import type { InterfaceAddress } from "../../../lib/net/interfaces.ts";
import {
  groupOf,
  hostKey,
  rememberedGroups,
  shareOf,
  spread,
} from "../../../lib/net/dht/peer_groups.ts";

function own(address: string, prefixLength: number): InterfaceAddress {
  return { interfaceName: "eth0", address, prefixLength };
}

Deno.test("groupOf() takes public addresses of a /16 and a /32 for one operator's", () => {
  assert.equal(groupOf("203.0.113.9", []), "203.0.0.0/16");
  assert.equal(groupOf("203.0.1.1", []), groupOf("203.0.113.9", []));
  assert.notEqual(groupOf("203.1.1.1", []), groupOf("203.0.1.1", []));
  assert.equal(groupOf("2001:db8:1::1", []), "2001:db8::/32");
  assert.equal(groupOf("::ffff:203.0.113.9", []), "203.0.0.0/16");
});

Deno.test("groupOf() counts loopback, private and own networks singly, and names", () => {
  const near = [own("198.51.100.1", 24), own("2001:db8::1", 64)];
  for (
    const host of [
      "127.0.0.1",
      "127.3.2.1",
      "10.0.0.7",
      "192.168.1.1",
      "100.64.0.1",
      "169.254.1.1",
      "fe80::1",
      "fd00::1",
      "::1",
      "198.51.100.99",
      "2001:db8::2",
      "node.example",
    ]
  ) assert.equal(groupOf(host, near), host);
  assert.equal(groupOf("198.51.101.99", near), "198.51.0.0/16");
  assert.equal(groupOf("2001:db8:0:1::2", near), "2001:db8::/32");
});

Deno.test("hostKey() takes an IPv6 network of others for one host, and an IPv4 address for itself", () => {
  assert.equal(hostKey("203.0.113.9", []), "203.0.113.9");
  assert.equal(hostKey("::ffff:203.0.113.9", []), "203.0.113.9");
  assert.equal(hostKey("2001:db8:0:1:a::2", []), "2001:db8:0:1::/64");
  const near = [own("2001:db8:0:1::1", 64)];
  assert.equal(hostKey("2001:db8:0:1:a::2", near), "2001:db8:0:1:a::2");
});

/** A name for each place, its group first. */
function chosen(places: string, size: number): string {
  return spread([...places], (name) => name.toLowerCase(), size).join("");
}

Deno.test("spread() gives no group more than a quarter while there are others", () => {
  assert.equal(shareOf(8), 2);
  assert.equal(chosen("aaaaaaaabbcdefg", 8), "aabbcdef");
  assert.equal(chosen("bcdefghiaaaaaaa", 8), "bcdefghi");
});

Deno.test("spread() leaves a network of one group as it is, and fills up a small one", () => {
  assert.equal(chosen("aaaaaaaaaaaaa", 8), "aaaaaaaa");
  assert.equal(chosen("aaaaaaaabc", 8), "aaaaaabc");
  assert.equal(chosen("abab", 8), "abab");
  assert.equal(chosen("", 8), "");
});

Deno.test("spread() keeps honest crowds: one /16, one /64, one address", () => {
  const crowds = [
    (i: number) => `203.0.${i}.7`,
    (i: number) => `2001:db8::${i}`,
    () => "203.0.113.9",
    (i: number) => `192.168.1.${i}`,
  ];
  for (const crowd of crowds) {
    const nodes = Array.from({ length: 30 }, (_, i) => crowd(i));
    const kept = spread(
      nodes.map((host) => ({ host })),
      ({ host }) => groupOf(host, []),
    );
    assert.deepEqual(kept.map(({ host }) => host), nodes.slice(0, 20));
  }
});

Deno.test("spread() leaves a quarter to one host that is nearest forty times", () => {
  const sybils = Array.from({ length: 40 }, () => ({ host: "127.0.0.66" }));
  const honest = Array.from(
    { length: 30 },
    (_, i) => ({ host: `127.0.1.${i}` }),
  );
  const kept = spread([...sybils, ...honest], ({ host }) => groupOf(host, []));
  assert.equal(kept.filter(({ host }) => host === "127.0.0.66").length, 5);
  assert.equal(kept.length, 20);
});

Deno.test("rememberedGroups() asks for the own networks now and then, not for each host", () => {
  let asked = 0;
  const group = rememberedGroups(groupOf, () => {
    asked++;
    return [own("203.0.113.1", 24)];
  });
  for (let i = 0; i < 300; i++) group(`198.51.100.${i % 250}`);
  assert.equal(asked, 1);
  assert.equal(group("203.0.113.7"), "203.0.113.7");
  for (let i = 0; i < 300; i++) group(`2001:db8::${i}`);
  assert.equal(asked, 3);
});
