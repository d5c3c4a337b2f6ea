import assert from "node:assert/strict";
import {
  foreignPrivateKey,
  foreignPublicKey,
} from "../../lib/manifest/foreign_keys.ts";

const HEX = "cecc1507dc1ddd7295951c290888f095adb9044d1b73d696e6df065d683bd4fc";
const KEY = Uint8Array.fromHex(HEX);
const DER = Uint8Array.fromHex(`302a300506032b6570032100${HEX}`);
const MINISIGN = new Uint8Array([0x45, 0x64, ...new Uint8Array(8), ...KEY]);

/** RFC 4251, section 5. */
function sshBlob(): string {
  const name = new TextEncoder().encode("ssh-ed25519");
  return new Uint8Array([0, 0, 0, 11, ...name, 0, 0, 0, 32, ...KEY]).toBase64();
}

Deno.test("foreignPublicKey() names the form and writes the key in another", () => {
  const base64url = KEY.toBase64({ alphabet: "base64url", omitPadding: true });
  const forms: readonly (readonly [string, string])[] = [
    ["base64url", base64url],
    ["base64url", `${base64url}=`],
    ["unpadded", KEY.toBase64({ omitPadding: true })],
    ["DER", DER.toBase64()],
    ["OpenSSH", `ssh-ed25519 ${sshBlob()}`],
    ["OpenSSH", `ssh-ed25519 ${sshBlob()} root@host`],
    ["minisign", MINISIGN.toBase64()],
    [
      "minisign",
      `untrusted comment: minisign public key A1\n${MINISIGN.toBase64()}`,
    ],
  ];
  for (const [name, text] of forms) {
    const said = foreignPublicKey(text) ?? "";
    assert.match(said, new RegExp(name));
    assert.ok(said.endsWith(`write it as ed25519:${HEX}`), said);
  }
});

Deno.test("foreignPublicKey() says how a file in DER is converted", () => {
  const text = new TextDecoder().decode(DER);
  assert.match(foreignPublicKey(text) ?? "", /openssl pkey -pubin/);
});

Deno.test("foreignPublicKey() knows nothing of what is no such key", () => {
  for (
    const text of ["", "ssh-rsa AAAA", HEX, "-".repeat(42), "RW".repeat(9)]
  ) {
    assert.equal(foreignPublicKey(text), undefined, text);
  }
});

Deno.test("foreignPrivateKey() names the form, and repeats nothing of the key", () => {
  const der = (text: string) =>
    new TextDecoder().decode(Uint8Array.fromHex(text));
  const minisign = new Uint8Array(158).fill(7);
  minisign.set([0x45, 0x64]);
  const forms: readonly (readonly [string, string])[] = [
    ["openssl pkey -inform DER", der(`302e020100300506032b657004220420${HEX}`)],
    ["openssl pkey -inform DER", der(`3051020101300506032b657004220420${HEX}`)],
    ["OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"],
    ["minisign", `untrusted comment: secret key\n${minisign.toBase64()}\n`],
    ["bare bytes", HEX],
    ["bare bytes", `${KEY.toBase64()}\n`],
    ["bare bytes", KEY.toBase64({ alphabet: "base64url", omitPadding: true })],
  ];
  for (const [name, text] of forms) {
    const said = foreignPrivateKey(text) ?? "";
    assert.ok(said.includes(name), text);
    assert.ok(!said.includes(HEX) && !said.includes(KEY.toBase64()), said);
  }
  assert.equal(foreignPrivateKey("-----BEGIN EC PRIVATE KEY-----"), undefined);
});
