import assert from "node:assert/strict";
import { imageTxt, linkManifestUrl } from "../../lib/wire/dns_sd_records.ts";
import { decodeTxt } from "../../lib/wire/dns_sd_txt.ts";
import { imageOf } from "../support/sample_images.ts";

const IMAGE = imageOf("stable/arm64");

Deno.test("imageTxt() cuts a version that is too long, between characters, and leaves out a long p2p address", () => {
  const txt = imageTxt({
    image: IMAGE,
    version: "é".repeat(200),
    manifestUrl: "http://h/",
    p2pAddress: `/dns/${"x".repeat(250)}/p2p/y`,
  });
  assert.ok(txt.ok);
  const attributes = decodeTxt(txt.value);
  assert.equal(attributes.get("version"), "é".repeat(123));
  assert.equal(attributes.get("p2p"), undefined);
  assert.deepEqual([...attributes.keys()][0], "txtvers");
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
