import fc from "fast-check";
import assert from "node:assert/strict";
import { linkManifestUrl, readService } from "../../lib/wire/image_service.ts";
import { peerIdOf, writeImageTxt } from "../../lib/wire/image_txt.ts";
import { imageOf } from "../support/sample_images.ts";

const IMAGE = imageOf("stable/arm64");

function textOf(...entries: string[]): Uint8Array[] {
  return entries.map((entry) => new TextEncoder().encode(entry));
}

/** What a record with that manifest URL, heard from 10.0.0.5, leads to. */
function urlOf(manifest: string, addresses: readonly string[] = []) {
  const service = readService({
    txt: textOf("channel=stable", "arch=arm64", `manifest=${manifest}`),
    host: undefined,
    addresses,
    source: "10.0.0.5",
  });
  return service.ok ? service.value.manifestUrl.href : service.reason;
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
    addresses: ["10.0.0.1"],
    source: "10.0.0.1",
  });
  assert.deepEqual(service, {
    ok: true,
    value: {
      image: IMAGE,
      manifestUrl: new URL("http://10.0.0.1:8080/stable/arm64/manifest.json"),
      version: "2026.11",
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
    addresses: [],
    source: "10.0.0.1",
  });
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
  const linkLocal = readService({
    txt: textOf("channel=a", "arch=b", "manifest=http://lab.local/"),
    host: undefined,
    addresses: ["fe80::1"],
    source: "fe80::1%eth0",
  });
  assert.deepEqual(linkLocal, {
    ok: false,
    reason: 'manifest "http://lab.local/" leads nowhere',
  });
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
  assert.equal(urlOf("\u001b[31mred"), 'manifest "?[31mred" is no URL');
  assert.equal(urlOf(""), 'manifest "" is no URL');
});

Deno.test("readService() gives a value or a reason fit to be printed, whatever the bytes", () => {
  const strings = fc.array(fc.oneof(
    fc.uint8Array({ maxLength: 255 }),
    fc.string().map((text) => new TextEncoder().encode(`manifest=${text}`)),
    fc.webUrl().map((text) => new TextEncoder().encode(`manifest=${text}`)),
    fc.constantFrom("channel=a", "arch=b").map((t) =>
      new TextEncoder().encode(t)
    ),
  ));
  fc.assert(fc.property(strings, (txt) => {
    const service = readService({
      txt,
      host: "x.local",
      addresses: [],
      source: "10.0.0.1",
    });
    const printed = service.ok ? service.value.version : service.reason;
    assert.match(printed, /^[^\p{Cc}]*$/u);
  }));
});

Deno.test("readService() takes only multiaddrs with a peer id for DHT nodes", () => {
  const p2pOf = (p2p: string) => {
    const service = readService({
      txt: textOf("channel=a", "arch=b", "manifest=http://h/", `p2p=${p2p}`),
      host: undefined,
      addresses: [],
      source: "10.0.0.1",
    });
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

Deno.test("linkManifestUrl() writes the link's address, or the advertise URL with its path", () => {
  const port = 8080;
  const of = (address: string, advertiseUrl?: URL) =>
    linkManifestUrl(IMAGE, { address, port, advertiseUrl });
  const path = "stable/arm64/manifest.json";
  assert.equal(of("10.0.0.1"), `http://10.0.0.1:8080/${path}`);
  assert.equal(of("fd77::1"), `http://[fd77::1]:8080/${path}`);
  assert.equal(
    of("10.0.0.1", new URL("https://boot.example.org")),
    `https://boot.example.org/${path}`,
  );
  assert.equal(
    of("10.0.0.1", new URL("https://boot.example.org/a/b/?x#y")),
    `https://boot.example.org/a/b/${path}`,
  );
});
