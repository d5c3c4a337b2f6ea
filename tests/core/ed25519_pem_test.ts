import assert from "node:assert/strict";
import {
  pemBody,
  pemText,
  privateKeyDer,
  publicKeyDer,
  publicKeyOfDer,
  seedOfDer,
} from "../../lib/core/ed25519_pem.ts";

/** RFC 8410 section 10.1. */
const PUBLIC = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
`;
const PUBLIC_KEY =
  "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
/** RFC 8410 section 10.3, without and with attributes and public key. */
const PRIVATE = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`;
const PRIVATE_WITH_PUBLIC = `-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
`;
const SEED = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";

function der(pem: string, label: "PUBLIC KEY" | "PRIVATE KEY"): Uint8Array {
  return Uint8Array.fromBase64(pemBody(pem, label) ?? assert.fail("no PEM"));
}

Deno.test("the public key of RFC 8410 is read, and written the same", () => {
  const bytes = der(PUBLIC, "PUBLIC KEY");
  const key = publicKeyOfDer(bytes);
  assert.equal(key?.toHex(), PUBLIC_KEY);
  assert.equal(pemText("PUBLIC KEY", publicKeyDer(key ?? bytes)), PUBLIC);
});

Deno.test("the seed of RFC 8410 is read, whether or not its public key follows, and written the same", () => {
  for (const pem of [PRIVATE, PRIVATE_WITH_PUBLIC]) {
    assert.equal(seedOfDer(der(pem, "PRIVATE KEY"))?.toHex(), SEED);
  }
  const written = privateKeyDer(Uint8Array.fromHex(SEED));
  assert.equal(pemText("PRIVATE KEY", written), PRIVATE);
});

Deno.test("keys of other kinds, cut ones and longer ones are none", () => {
  const info = der(PUBLIC, "PUBLIC KEY");
  const seed = der(PRIVATE, "PRIVATE KEY");
  const x25519 = (bytes: Uint8Array) =>
    Uint8Array.fromHex(bytes.toHex().replace("2b6570", "2b656e"));
  for (
    const bytes of [x25519(info), info.subarray(0, -1), seed, new Uint8Array()]
  ) assert.equal(publicKeyOfDer(bytes), undefined);
  assert.equal(publicKeyOfDer(Uint8Array.of(...info, 0)), undefined);
  for (
    const bytes of [x25519(seed), seed.subarray(0, -1), info, new Uint8Array()]
  ) assert.equal(seedOfDer(bytes), undefined);
});

Deno.test("pemBody() finds its own label only", () => {
  assert.equal(pemBody(PRIVATE, "PUBLIC KEY"), undefined);
  assert.equal(pemBody("no PEM at all", "PRIVATE KEY"), undefined);
  assert.equal(
    pemBody("-----BEGIN PUBLIC KEY-----\r\nAA\r\n BB\t\n", "PUBLIC KEY"),
    undefined,
  );
  assert.equal(
    pemBody(
      "-----BEGIN PUBLIC KEY-----\r\nAA\r\n BB\t\n-----END PUBLIC KEY-----",
      "PUBLIC KEY",
    ),
    "AABB",
  );
});
