import fc from "fast-check";
import assert from "node:assert/strict";
import { isSafeName } from "../../lib/core/channel_arch.ts";
import { readImageTxt, writeImageTxt } from "../../lib/wire/image_txt.ts";
import { imageOf } from "../support/sample_images.ts";

const IMAGE = imageOf("stable/arm64");

Deno.test("readImageTxt() reads what writeImageTxt() wrote", () => {
  const name = fc.string({
    unit: fc.constantFrom(..."az09._-"),
    minLength: 1,
    maxLength: 32,
  }).filter(isSafeName);
  const printable = fc.string({
    unit: fc.constantFrom(..."aé=:/ .主"),
    maxLength: 50,
  });
  fc.assert(fc.property(
    fc.tuple(name, fc.constantFrom("arm64", "x86_64"), printable, printable),
    ([channel, arch, version, manifestUrl]) => {
      const said = {
        image: { channel, arch },
        version,
        manifestUrl,
        path: undefined,
        p2pAddress: undefined,
      };
      const txt = writeImageTxt(said);
      assert.ok(txt.ok);
      assert.deepEqual(readImageTxt(txt.value), { ok: true, value: said });
    },
  ));
});

Deno.test("writeImageTxt() cuts a version that is too long, between characters, and leaves out a long path or p2p address", () => {
  const txt = writeImageTxt({
    image: IMAGE,
    version: "é".repeat(200),
    manifestUrl: "http://h/",
    path: `/${"x".repeat(250)}`,
    p2pAddress: `/dns/${"x".repeat(250)}/p2p/y`,
  });
  assert.ok(txt.ok);
  assert.deepEqual(txt.value.map((bytes) => new TextDecoder().decode(bytes)), [
    "txtvers=1",
    "channel=stable",
    "arch=arm64",
    "manifest=http://h/",
    `version=${"é".repeat(123)}`,
  ]);
});

Deno.test("writeImageTxt() writes a path behind what readers without it know", () => {
  const said = {
    image: IMAGE,
    version: "1",
    manifestUrl: "http://10.0.0.1:8080/stable/arm64/manifest.json",
    path: "/stable/arm64/manifest.json",
    p2pAddress: undefined,
  };
  const txt = writeImageTxt(said);
  assert.ok(txt.ok);
  assert.deepEqual(
    txt.value.slice(3).map((bytes) => new TextDecoder().decode(bytes)),
    [`manifest=${said.manifestUrl}`, "version=1", `path=${said.path}`],
  );
  assert.deepEqual(readImageTxt(txt.value), { ok: true, value: said });
});

Deno.test("writeImageTxt() stays within what fits one packet, whatever it is given", () => {
  const longest = writeImageTxt({
    image: { channel: "c".repeat(32), arch: "a".repeat(32) },
    version: "v".repeat(1000),
    manifestUrl: "m".repeat(246),
    path: "p".repeat(250),
    p2pAddress: "n".repeat(251),
  });
  assert.ok(longest.ok);
  assert.equal(longest.value.length, 7);
  // RFC 6763 section 6.2; each string has a byte for its length.
  const length = longest.value.reduce((sum, s) => sum + 1 + s.length, 0);
  assert.ok(length <= 1300, `${length}`);
});

Deno.test("writeImageTxt() refuses an attribute over 255 bytes", () => {
  const manifestUrl = `http://${"x".repeat(240)}/`;
  const txt = writeImageTxt({ image: IMAGE, version: "1", manifestUrl });
  assert.deepEqual(txt, {
    ok: false,
    reason: 'TXT attribute "manifest" is 257 bytes long, over 255',
  });
});

Deno.test("readImageTxt() refuses a record that does not say which image it is", () => {
  for (const text of ["channel=stable", "arch=arm64", "channel=../x", ""]) {
    assert.deepEqual(readImageTxt([new TextEncoder().encode(text)]), {
      ok: false,
      reason: "TXT record without channel and arch",
    });
  }
});
