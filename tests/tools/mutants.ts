import { FETCH_MUTANTS } from "./fetch_mutants.ts";
import { HTTP_MUTANTS } from "./http_mutants.ts";
import type { Mutant } from "./mutant.ts";
import { PXE_MUTANTS } from "./pxe_mutants.ts";
import { TRUST_MUTANTS } from "./trust_mutants.ts";

const ENVELOPE = "manifest/envelope.ts";
const SIGNATURES = "manifest/trusted_keys.ts";
const POLICY = "manifest/verify_envelope.ts";
const FETCH = "discover/fetch_manifest.ts";

const verification = {
  file: "manifest/public_key.ts",
  check: '.verify("Ed25519", await imported(key), signature, message)',
  removed: '.digest("SHA-256", message).then(() => true)',
};
const anyKey = {
  file: SIGNATURES,
  check: "const key = keys.get(keyId);",
  removed: "const key = { keyId, bytes: Uint8Array.fromHex(keyId.slice(8)) };",
};
const outside = {
  file: ENVELOPE,
  check: "if (!isSameJson(outer, content.value))",
  removed: "if (false)",
};
const fileDigest = {
  file: "manifest/check_signed_image.ts",
  check: "file.sha256 !== promised.sha256",
  removed: "false",
};
const threshold = {
  file: SIGNATURES,
  check: "signedBy.size >= threshold",
  removed: "signedBy.size >= 1",
};

/** Every check, by file. */
export const MUTANTS: readonly Mutant[] = [
  ...TRUST_MUTANTS,
  ...PXE_MUTANTS,
  ...FETCH_MUTANTS,
  ...HTTP_MUTANTS,
  { attack: "arbitrary installation: the owner's", ...verification },
  { attack: "arbitrary installation: an image", ...anyKey },
  {
    attack: "arbitrary installation: an image",
    file: SIGNATURES,
    check: 'return refuseAs("unsigned", "not signed");',
    removed: "return ok([]);",
  },
  {
    attack: "endless data: a manifest",
    file: ENVELOPE,
    check: "bytes.length > MAX_ENVELOPE_BYTES",
    removed: "false",
  },
  {
    attack: "endless data: a body",
    file: FETCH,
    check: "length > MAX_MANIFEST_BYTES",
    removed: "false",
  },
  { attack: "extraneous dependencies", ...outside },
  { attack: "fast-forward: a version", ...anyKey },
  {
    attack: "fast-forward: dropping",
    file: "manifest/client_state.ts",
    check: "dropped ? EMPTY_CLIENT_STATE : state",
    removed: "state",
  },
  {
    attack: "indefinite freeze: an old manifest",
    file: POLICY,
    check: "clockTrusted && manifest.expiresAtMs <= now",
    removed: "false",
  },
  {
    attack: "indefinite freeze: the successor",
    file: "manifest/client_state.ts",
    check: "clockTrusted && expiresAtMs !== undefined && expiresAtMs <= now",
    removed: "false",
  },
  {
    attack: "indefinite freeze: a promise",
    file: POLICY,
    check: "clockTrusted && manifest.createdAtMs > now + MAX_CLOCK_LAG_MS",
    removed: "false",
  },
  { attack: "malicious mirror: no byte", ...outside },
  { attack: "malicious mirror: no byte", ...verification },
  { attack: "malicious mirror: nor", ...fileDigest },
  { attack: "mix-and-match", ...outside },
  { attack: "mix-and-match", ...fileDigest },
  {
    attack: "rollback: an older manifest",
    file: POLICY,
    check: "manifestVersion < minimumVersion",
    removed: "false",
  },
  {
    attack: "rollback: other content",
    file: POLICY,
    check: "manifestVersion === accepted?.manifestVersion && !isSame",
    removed: "false",
  },
  {
    attack: "rollback: other content",
    file: "manifest/client_state.ts",
    check: "manifestVersion === accepted?.manifestVersion\n",
    removed: "false\n",
    tests: ["manifest/client_state_test.ts"],
  },
  {
    attack: "rollback: older keys",
    file: "manifest/trust_chain.ts",
    check: "next.value.trustVersion === expected",
    removed: "true",
  },
  {
    attack: "lost successor",
    file: "manifest/trust_chain.ts",
    check: "count >= threshold",
    removed: "true",
  },
  {
    attack: "followTrust() ends at the number",
    file: "manifest/trust_chain.ts",
    check: "while (root.trustVersion < upTo)",
    removed: "while (true)",
    tests: ["manifest/trust_chain_test.ts"],
  },
  {
    attack: "readTrustDocuments() does not serve what its own",
    file: "manifest/trust_chain.ts",
    check: "count >= threshold",
    removed: "true",
    tests: ["provider/trust_documents_test.ts"],
  },
  {
    attack: "checkCandidate() gives a silent provider up",
    file: "discover/check_candidate.ts",
    check: "manifest.then(() => sleepInSteps(clock, patienceMs, bounds))",
    removed: "new Promise<void>(() => {})",
    tests: ["discover/check_candidate_test.ts"],
  },
  {
    attack: "slow retrieval",
    file: "discover/discovery.ts",
    check: "if (this.#trusted().length === 0) return deadlineMs;",
    removed: "if (this.#trusted().length === 0) return Infinity;",
  },
  { attack: "key compromise below the threshold: one of three", ...threshold },
  { attack: "key compromise below the threshold: nor", ...threshold },
  {
    attack: "key compromise below the threshold: one key",
    file: SIGNATURES,
    check: "keys.get(keyId)",
    removed: "keys.get(keyId.toLowerCase())",
  },
  {
    attack: "duplicate keyid",
    file: ENVELOPE,
    check: "if (found.has(item.keyid))",
    removed: "if (false)",
  },
  { attack: "signature wrapping: the outside says what", ...outside },
  {
    attack: "signature wrapping: the outside says a thing twice",
    file: "manifest/canonical_json.ts",
    check: "countColons(text) === countMembers(value)",
    removed: "true",
  },
  {
    attack: "wrong channel",
    file: POLICY,
    check: "manifest.image.channel !== image.channel",
    removed: "false",
  },
  {
    attack: "wrong arch",
    file: POLICY,
    check: "manifest.image.arch !== image.arch",
    removed: "false",
  },
  {
    attack: "canonical JSON: a number",
    file: "manifest/json_reader.ts",
    check: "Number.isSafeInteger(value)",
    removed: "Number.isInteger(value)",
  },
  {
    attack: "canonical JSON: the same value",
    file: ENVELOPE,
    check: "if (!isCanonicalTextOf(data, content.value))",
    removed: "if (false)",
  },
  { attack: "canonical JSON: letters", ...outside },
  {
    attack: "renewManifest() repeats nothing",
    file: "manifest/renew_manifest.ts",
    check: "if (!signedBy.ok) return signedBy;",
    removed:
      "if (!signedBy.ok) return ok({ bytes: previous, manifest: manifest.value });",
    tests: ["manifest/renew_manifest_test.ts"],
  },
  ...[
    [
      "on day 31 plasmd manifest renew",
      "manifest.expiresAtMs <= clock.now()",
      "false",
    ],
    [
      "plasmd manifest generate replaces",
      "hasHalfItsLife(signed.value.manifest, life)",
      "true",
    ],
  ].map(([attack = "", check = "", removed = ""]) => ({
    attack,
    file: "cli/manifest_commands.ts",
    check,
    removed,
    tests: ["e2e/renewal_test.ts"],
  })),
  {
    attack: "plasmd trust sign counts",
    file: "cli/trust_commands.ts",
    check: "isEnough: count >= threshold",
    removed: "isEnough: true",
    tests: ["e2e/trust_commands_test.ts"],
  },
  {
    attack: "readyAnswer() is 503 once everything",
    file: "http/status/snapshot.ts",
    check: "manifest.expiresAtMs > nowMs",
    removed: "true",
    tests: ["http/status/status_answers_test.ts"],
  },
  {
    attack: "limitPerHost() refuses",
    file: "net/dht/internal/connection_limit.ts",
    check: "count >= max",
    removed: "false",
    tests: ["net/dht/internal/connection_limit_test.ts"],
  },
  ...["lookUp() asks each node once", "Lookup never has the own node asked"]
    .map((attack) => ({
      attack,
      file: "net/dht/lookup.ts",
      check: "id === this.#self || addresses",
      removed: "addresses",
      tests: ["net/dht/lookup_test.ts"],
    })),
  {
    attack: "ValueStore gives one host a small share",
    file: "net/dht/internal/quota_map.ts",
    check: "own >= maxPerHost",
    removed: "false",
    tests: ["net/dht/internal/value_store_test.ts"],
  },
  ...[
    ["takes no path", "PATH.test(path)", "true"],
    ["takes no path", 'segment === ".."', "false"],
    ["takes no path", "path.length <= MAX_PATH_BYTES", "true"],
    [
      "builds no URL of addresses",
      "if (isLoopbackAddress(address)) return isLoopbackAddress(source);",
      "",
    ],
    ["builds no URL of addresses", ".slice(0, MAX_ADDRESSES)", ""],
    ["builds no URL of addresses", "|| isLinkLocal6(bytes)", ""],
  ].map(([attack = "", check = "", removed = ""]) => ({
    attack: `readService() ${attack}`,
    file: "wire/image_service.ts",
    check,
    removed,
    tests: ["wire/image_service_test.ts"],
  })),
  {
    attack: "Discovery lets no provider keep another",
    file: "discover/discovery.ts",
    check: "} else if (known.providerHref !== providerHref) {",
    removed: "} else if (false) {",
    tests: ["discover/discovery_test.ts"],
  },
  {
    attack: "QuerierLink takes in no answer to its own address",
    file: "net/mdns/querier_link.ts",
    check: "!isOnLink(from.address, link)",
    removed: "false",
    tests: ["net/mdns/querier_link_test.ts"],
  },
  {
    attack: "issueManifest() goes no further",
    file: "manifest/issue_manifest.ts",
    check: "Math.min(nowSeconds, last + TWO_DAYS_S)",
    removed: "nowSeconds",
    tests: ["manifest/issue_manifest_test.ts"],
  },
  {
    attack: "loadClientState() goes on without a state",
    file: "manifest/client_state.ts",
    check: "if (error instanceof FileNotFoundError) return",
    removed: "return",
    tests: ["manifest/client_state_test.ts"],
  },
  {
    attack: "parseManifest() refuses references",
    file: "manifest/boot_manifest.ts",
    check: '["http://a.invalid", "http://b.invalid"]',
    removed: '["http://provider.invalid"]',
    tests: ["manifest/boot_manifest_test.ts"],
  },
  {
    attack: "parsePublicKeys() refuses an all-zero key",
    file: "manifest/public_key.ts",
    check: "found.value.some(isOfSmallOrder)",
    removed: "false",
    tests: ["manifest/public_key_test.ts"],
  },
  {
    attack: "parsePublicKeys() refuses keys that anybody can sign for",
    file: "core/small_order.ts",
    check: "(y[31] ?? 0) & 0x7f",
    removed: "y[31] ?? 0",
    tests: ["manifest/public_key_test.ts"],
  },
  {
    attack: "parsePublicKeys() counts every key",
    file: "manifest/public_key.ts",
    check: 'keys.length === text.split("-----BEGIN ").length - 1',
    removed: "keys.length > 0",
    tests: ["manifest/public_key_test.ts"],
  },
  {
    attack: "verifyPeerSignature() accepts the peer's own",
    file: "net/dht/identity.ts",
    check: "isOfSmallOrder(peer.publicKey.raw)",
    removed: "false",
    tests: ["net/dht/identity_test.ts"],
  },
];
