import assert from "node:assert/strict";
import { parseTrustFile } from "../../lib/config/trust_file.ts";
import { ConfigError } from "../../lib/core/errors.ts";
import { parseTrustRoot } from "../../lib/manifest/trust_root.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const { publicKey } = await testSigningKey(1);

function parse(text: string) {
  return parseTrustFile(text, "trust.toml");
}

Deno.test("parseTrustFile() turns TOML into plain JSON", () => {
  assert.deepEqual(
    parse('keys = ["a", "b"]\nthreshold = 2\n[more]\nyes = true\nhalf = 0.5'),
    { keys: ["a", "b"], threshold: 2, more: { yes: true, half: 0.5 } },
  );
  assert.deepEqual(parse(""), {});
});

Deno.test("parseTrustFile() writes times out in UTC, wherever they were written", () => {
  for (
    const time of [
      "2027-01-01T00:00:00Z",
      "2027-01-01 00:00:00Z",
      "2027-01-01T02:00:00+02:00",
      // Without a time zone, since the machine's own may differ.
      "2027-01-01T00:00:00",
      "2027-01-01",
      '"2027-01-01T00:00:00.000Z"',
    ]
  ) {
    assert.deepEqual(
      parse(`expires_at = ${time}`),
      { expires_at: "2027-01-01T00:00:00.000Z" },
      time,
    );
  }
});

Deno.test("parseTrustFile() lets a byte order mark pass", () => {
  assert.deepEqual(parse("\uFEFFthreshold = 1"), { threshold: 1 });
});

Deno.test("parseTrustFile() says in which line it is not TOML", () => {
  assert.throws(
    () => parse("threshold = 1\nkeys = ["),
    (error) =>
      error instanceof ConfigError && error.position.path === "trust.toml" &&
      error.position.line === 2,
  );
});

Deno.test("a trust file becomes what a client trusts", () => {
  const root = parseTrustRoot(parse(`
    trust_version = 3
    threshold = 1
    keys = ["${publicKey.keyId}"]
    minimum_version = 1795334400
    expires_at = 2027-01-01T00:00:00Z
  `));
  assert.ok(root.ok);
  assert.equal(root.value.trustVersion, 3);
  assert.equal(root.value.minimumVersion, 1795334400);
  assert.equal(root.value.expiresAtMs, Date.UTC(2027, 0, 1));
  assert.deepEqual([...root.value.manifestKeys.keys.keys()], [
    publicKey.keyId,
  ]);
});

Deno.test("a trust file with a mistake is refused, and the mistake named", () => {
  for (
    const [text, says] of [
      [`key = ["${publicKey.keyId}"]`, /did you mean keys/],
      ["keys = []", /no key to trust/],
      ['keys = ["x"]', /keys\.0/],
      [`keys = ["${publicKey.keyId}"]\nthreshold = 2`, /threshold 2/],
      // Twice the same key is one key.
      [
        `threshold = 2\nkeys = ["${publicKey.keyId}", "${publicKey.keyId}"]`,
        /threshold 2/,
      ],
      [`keys = ["${publicKey.keyId}"]\nexpires_at = "soon"`, /expires_at/],
      [`keys = ["${publicKey.keyId}"]\nthreshold = 0`, /threshold/],
      [`keys = ["${publicKey.keyId}"]\nthreshold = nan`, /threshold/],
    ] as const
  ) {
    const root = parseTrustRoot(parse(text));
    assert.ok(!root.ok, text);
    assert.match(root.reason, says);
  }
});
