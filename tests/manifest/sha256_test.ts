import assert from "node:assert/strict";
import { sha256 } from "../../lib/manifest/sha256.ts";

Deno.test("sha256() gives the digests of FIPS 180-4's examples", async () => {
  const digestOf = async (text: string) =>
    (await sha256(new TextEncoder().encode(text))).toHex();
  assert.equal(
    await digestOf("abc"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  assert.equal(
    await digestOf(""),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});
