import fc from "fast-check";
import assert from "node:assert/strict";
import { manifestPlace, readService } from "../../lib/wire/image_service.ts";
import type { ServiceRecords } from "../../lib/net/mdns/querier.ts";
import type { Link } from "../../lib/net/interfaces.ts";
import { peerIdOf, writeImageTxt } from "../../lib/wire/image_txt.ts";
import { imageOf } from "../support/sample_images.ts";

const IMAGE = imageOf("stable/arm64");

function textOf(...entries: string[]): Uint8Array[] {
  return entries.map((entry) => new TextEncoder().encode(entry));
}

/** The client's: 10.0.0.9/24, or fd77::9/64. */
const LINK = linkOf("10.0.0.9", 24);
const LINK_6 = linkOf("fd77::9", 64);

function linkOf(address: string, prefixLength: number): Link {
  const interfaceName = "eth0";
  return {
    interfaceName,
    family: address.includes(":") ? 6 : 4,
    addresses: [{ interfaceName, address, prefixLength }],
  };
}

function read(
  entries: readonly string[],
  records: Partial<ServiceRecords> = {},
  link = LINK,
) {
  return readService({
    txt: textOf("channel=stable", "arch=arm64", ...entries),
    host: undefined,
    port: undefined,
    addresses: [],
    source: "10.0.0.5",
    ...records,
  }, link);
}

/** The URLs of a record, or why there are none. */
function urlsOf(...parameters: Parameters<typeof read>): string[] {
  const service = read(...parameters);
  return service.ok
    ? service.value.manifestUrls.map(({ href }) => href)
    : [service.reason];
}

/** What a record with that manifest URL, heard from 10.0.0.5, leads to. */
function urlOf(manifest: string, addresses: readonly string[] = []): string {
  return urlsOf([`manifest=${manifest}`], { addresses }).join();
}

Deno.test("readService() reads what writeImageTxt() wrote", () => {
  const txt = writeImageTxt({
    image: IMAGE,
    version: "2026.11",
    manifestUrl: "http://10.0.0.1:8080/stable/arm64/manifest.json",
    p2pAddress:
      "/ip4/10.0.0.1/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
  });
  assert.ok(txt.ok);
  const service = readService({
    txt: txt.value,
    host: "phase-lab-7.local",
    port: 8080,
    addresses: ["10.0.0.1"],
    source: "10.0.0.1",
  }, LINK);
  assert.deepEqual(service, {
    ok: true,
    value: {
      image: IMAGE,
      manifestUrls: [
        new URL("http://10.0.0.1:8080/stable/arm64/manifest.json"),
      ],
      version: "2026.11",
      problem: undefined,
      providerName: "lab-7",
      p2pAddress:
        "/ip4/10.0.0.1/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
    },
  });
});

Deno.test("readService() takes attributes in any order and case, and aliases of the architecture", () => {
  const service = readService({
    txt: textOf(
      "manifest=http://10.0.0.1/m.json",
      "ARCH=aarch64",
      "Channel=stable",
      "channel=second",
      "=nothing",
      "flag",
    ),
    host: undefined,
    port: undefined,
    addresses: [],
    source: "10.0.0.1",
  }, LINK);
  assert.ok(service.ok);
  assert.deepEqual(service.value.image, IMAGE);
  assert.equal(service.value.version, "");
});

Deno.test("readService() puts an address in the place of hosts that mean nothing to a booting box", () => {
  const at = (host: string) => `http://${host}/m.json`;
  assert.equal(urlOf(at("lab.local:8080")), at("10.0.0.5:8080"));
  assert.equal(urlOf(at("lab.local:8080"), ["10.0.0.6"]), at("10.0.0.6:8080"));
  assert.equal(urlOf(at("LAB.local."), ["fd77::1"]), at("[fd77::1]"));
  assert.equal(urlOf(at("0.0.0.0:8080")), at("10.0.0.5:8080"));
  assert.equal(urlOf(at("[::]:8080")), at("10.0.0.5:8080"));
  assert.equal(urlOf(at("localhost:8080")), at("10.0.0.5:8080"));
  assert.equal(urlOf(at("127.0.0.1:8080")), at("10.0.0.5:8080"));
  assert.equal(urlOf(at("[::1]:8080")), at("10.0.0.5:8080"));
  assert.equal(urlOf(at("boot.example.org")), at("boot.example.org"));
  assert.deepEqual(
    urlsOf(["manifest=http://lab.local/"], {
      addresses: ["fe80::1"],
      source: "fe80::1%eth0",
    }, LINK_6),
    ['manifest "http://lab.local/" leads nowhere'],
  );
});

Deno.test("readService() refuses manifests that are not http or https, and prints them clean", () => {
  assert.equal(
    urlOf("ftp://10.0.0.1/m"),
    'manifest "ftp://10.0.0.1/m" is not http or https',
  );
  assert.equal(
    urlOf("javascript:alert(1)"),
    'manifest "javascript:alert(1)" is not http or https',
  );
  assert.equal(urlOf("\u001b[31mred"), 'manifest "?[31mred" is not a URL');
  assert.equal(urlOf(""), 'manifest "" is not a URL');
});

Deno.test("readService() gives a value or a reason fit to be printed, whatever the bytes", () => {
  const strings = fc.array(fc.oneof(
    fc.uint8Array({ maxLength: 255 }),
    fc.string().map((text) => new TextEncoder().encode(`manifest=${text}`)),
    fc.webUrl().map((text) => new TextEncoder().encode(`manifest=${text}`)),
    fc.string().map((text) => new TextEncoder().encode(`path=/${text}`)),
    fc.constantFrom("channel=a", "arch=b").map((t) =>
      new TextEncoder().encode(t)
    ),
  ));
  fc.assert(fc.property(strings, (txt) => {
    const service = readService({
      txt,
      host: "x.local",
      port: 8080,
      addresses: ["10.0.0.1", "fd77::1"],
      source: "10.0.0.1",
    }, LINK);
    const printed = service.ok
      ? `${service.value.version}${service.value.problem}`
      : service.reason;
    assert.match(printed, /^[^\p{Cc}]*$/u);
    if (!service.ok) return;
    for (const { protocol, hostname } of service.value.manifestUrls) {
      assert.match(protocol, /^https?:$/);
      assert.notEqual(hostname, "");
    }
  }));
});

Deno.test("readService() takes only multiaddrs with a peer id for DHT nodes", () => {
  const p2pOf = (p2p: string) => {
    const service = read(["manifest=http://h/", `p2p=${p2p}`]);
    return service.ok ? service.value.p2pAddress : service.reason;
  };
  const good =
    "/ip6/fd77::1/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";
  assert.equal(p2pOf(good), good);
  assert.equal(
    peerIdOf(good),
    "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
  );
  for (
    const bad of [
      "",
      "/ip4/10.0.0.1/tcp/4001",
      "/p2p/x\n",
      "x/p2p/y",
      `${good}\n`,
    ]
  ) {
    assert.equal(p2pOf(bad), undefined, bad);
  }
});

Deno.test("manifestPlace() writes the link's address and a path, or the advertise URL with its path alone", () => {
  const port = 8080;
  const of = (address: string, advertiseUrl?: URL) =>
    manifestPlace(IMAGE, { address, port, advertiseUrl });
  const path = "/stable/arm64/manifest.json";
  assert.deepEqual(of("10.0.0.1"), {
    manifestUrl: `http://10.0.0.1:8080${path}`,
    path,
  });
  assert.deepEqual(of("fd77::1"), {
    manifestUrl: `http://[fd77::1]:8080${path}`,
    path,
  });
  assert.deepEqual(of("10.0.0.1", new URL("https://boot.example.org")), {
    manifestUrl: `https://boot.example.org${path}`,
  });
  assert.deepEqual(
    of("10.0.0.1", new URL("https://boot.example.org/a/b/?x#y")),
    {
      manifestUrl: `https://boot.example.org/a/b${path}`,
    },
  );
});

Deno.test("readService() builds the URL of path, port and an address on the link", () => {
  const path = "path=/stable/arm64/manifest.json";
  const at = (host: string) => `http://${host}:8081/stable/arm64/manifest.json`;
  const addresses = ["10.1.0.1", "10.0.0.1", "fd77::1", "10.0.0.2"];
  const records = { port: 8081, addresses };
  const manifest = `manifest=${at("10.1.0.1")}`;
  // The link's own first, then what the provider names, then the rest.
  assert.deepEqual(
    urlsOf([path, manifest], records),
    ["10.0.0.1", "10.0.0.2", "10.1.0.1", "[fd77::1]"].map(at),
  );
  assert.deepEqual(
    urlsOf([path, manifest], records, LINK_6),
    ["[fd77::1]", "10.1.0.1", "10.0.0.1", "10.0.0.2"].map(at),
  );
  // Of two on the link the provider's choice, a deprecated one last.
  assert.deepEqual(
    urlsOf([path, `manifest=${at("10.0.0.2")}`], records),
    ["10.0.0.2", "10.0.0.1", "10.1.0.1", "[fd77::1]"].map(at),
  );
  assert.deepEqual(
    urlsOf([path], { port: 8081, addresses: ["10.0.0.1"] }),
    [at("10.0.0.1")],
  );
});

Deno.test("readService() uses manifest alone where path, port or address is missing, as providers before had it", () => {
  const path = "path=/stable/arm64/manifest.json";
  const manifest = "http://10.0.0.1:8080/m.json";
  const addresses = ["10.0.0.2"];
  for (
    const [entries, records] of [
      [[], { port: 8080, addresses }],
      [[path], { addresses }],
      [[path], { port: 0, addresses }],
      [[path], { port: 8080 }],
      [[path], { port: 8080, addresses: ["fe80::1"] }],
    ] as const
  ) {
    assert.deepEqual(
      urlsOf([`manifest=${manifest}`, ...entries], records),
      [manifest],
    );
  }
  assert.deepEqual(urlsOf([path], {}), ['manifest "" is not a URL']);
});

Deno.test("readService() takes no path that is not a plain one, and says so", () => {
  const manifest = "http://10.0.0.1:8080/m.json";
  const records = { port: 8080, addresses: ["10.0.0.2"] };
  const paths = [
    "",
    "/",
    "stable/arm64/manifest.json",
    "//boot.example.org/m.json",
    "/a//b",
    "/a/",
    "/../m.json",
    "/a/./m.json",
    "/a/..",
    "/%2e%2e/m.json",
    "/a?b",
    "/a#b",
    "/a b",
    "/a\\b",
    "\\\\10.0.0.66/m.json",
    "http://10.0.0.66/m.json",
    "@10.0.0.66/m.json",
    ":80@10.0.0.66/m.json",
    "/\u001b[31m",
    "/ä",
    "/a\n",
    `/${"x".repeat(250)}`,
  ];
  for (const path of paths) {
    const service = read([`manifest=${manifest}`, `path=${path}`], records);
    assert.ok(service.ok, path);
    assert.deepEqual(service.value.manifestUrls, [new URL(manifest)], path);
    assert.match(service.value.problem ?? "", /^path "[ -~ä…]*" is not/, path);
  }
  const longest = `/${"x".repeat(249)}`;
  assert.deepEqual(
    urlsOf([`path=${longest}`], records),
    [`http://10.0.0.2:8080${longest}`],
  );
});

Deno.test("readService() builds no URL of addresses that lead nowhere, and of eight at most", () => {
  const urls = (addresses: readonly string[], source = "10.0.0.5") =>
    urlsOf(["path=/m.json", "manifest=x:"], { port: 80, addresses, source });
  const none = ['manifest "x:" is not http or https'];
  for (
    const address of [
      "127.0.0.1",
      "::1",
      "0.0.0.0",
      "::",
      "224.0.0.251",
      "255.255.255.255",
      "ff02::fb",
      "fe80::1",
      "::ffff:10.0.0.1",
    ]
  ) {
    assert.deepEqual(urls([address]), none, address);
  }
  assert.deepEqual(urls(["127.0.0.1"], "127.0.0.1"), [
    "http://127.0.0.1/m.json",
  ]);
  const many = Array.from(
    { length: 300 },
    (_, i) => `10.${1 + (i >> 8)}.0.${i & 255}`,
  );
  const some = urls([...many, "10.0.0.1"]);
  assert.equal(some.length, 8);
  assert.equal(some[0], "http://10.0.0.1/m.json");
});
