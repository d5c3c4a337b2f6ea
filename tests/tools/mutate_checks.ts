/**
 * Shows that the attack tests can fail: removes one check after the other
 * from a copy of the sources and runs the tests of the attack it stops.
 *
 *     deno run -A tests/tools/mutate_checks.ts [FILE]
 *
 * FILE, such as `net/dht`, leaves all checks out that are not in it. Prints a
 * line for each, and exits with 1 when a test did not notice, or only by
 * hanging.
 */

interface Mutant {
  /** The beginning of the names of the tests that must fail. */
  readonly attack: string;
  /** Below lib/. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly check: string;
  /** What stands there once the check is removed. */
  readonly removed: string;
  /** Where these tests are, below tests/. @default {ATTACKS} */
  readonly tests?: readonly string[];
}

const ATTACKS = [
  "manifest/tuf_attacks_test.ts",
  "manifest/envelope_attacks_test.ts",
];

/** A test that takes as long as this hangs. */
const LIMIT_MS = 60_000;

const ENVELOPE = "manifest/envelope.ts";
const SIGNATURES = "manifest/trusted_keys.ts";
const POLICY = "manifest/verify_envelope.ts";
const FETCH = "discover/fetch_manifest.ts";

const verification = {
  file: "manifest/public_key.ts",
  check:
    'return await crypto.subtle.verify("Ed25519", imported, signature, message);',
  removed: "return true;",
};
const anyKey = {
  file: SIGNATURES,
  check: "const key = keys.get(keyId);",
  removed: "const key = { keyId, bytes: Uint8Array.fromHex(keyId.slice(8)) };",
};
const outside = {
  file: ENVELOPE,
  check: "if (!isCanonicalTextOf(data, outer))",
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

const MUTANTS: readonly Mutant[] = [
  { attack: "arbitrary installation: the owner's", ...verification },
  { attack: "arbitrary installation: an image", ...anyKey },
  {
    attack: "arbitrary installation: an image",
    file: SIGNATURES,
    check: 'return refuse({ code: "unsigned", message: "not signed" });',
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
    check: "dropped ? new Map() : state.manifestVersions",
    removed: "state.manifestVersions",
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
    check: "clockTrusted && manifest.createdAtMs > now + CLOCK_SKEW_MS",
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
    check: "manifest.manifestVersion < minimumVersion",
    removed: "false",
  },
  {
    attack: "rollback: older keys",
    file: "manifest/trust_chain.ts",
    check: "next.value.trustVersion === expected",
    removed: "true",
  },
  {
    attack: "slow retrieval",
    file: FETCH,
    check: "follow(url, httpGet, limit.signal)",
    removed: "follow(url, httpGet, signal)",
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
      check: "new Set([self])",
      removed: "new Set<string>()",
      tests: ["net/dht/lookup_test.ts"],
    })),
  {
    attack: "GET /stable/arm64/KERNEL is the kernel",
    file: "http/artifacts/image_lookup.ts",
    check: "const lowerCase = name.toLowerCase();",
    removed: "const lowerCase = name;",
    tests: ["http/routes_test.ts"],
  },
  {
    attack: "a manifest is found by its path in any case",
    file: "http/artifacts/image_lookup.ts",
    check: "channel.toLowerCase(), arch.toLowerCase()",
    removed: "channel, arch",
    tests: ["http/routes_test.ts"],
  },
  {
    attack: "a manifest is found by its path in any case",
    file: "http/routes.ts",
    check: "MADE_FILES.get(file.toLowerCase())",
    removed: "MADE_FILES.get(file)",
    tests: ["http/routes_test.ts"],
  },
  {
    attack: "hostile raw requests",
    file: "net/http1/request_head.ts",
    check: "host !== undefined && !isHost(host)",
    removed: "false",
    tests: ["net/http1/raw_hostile_test.ts"],
  },
  {
    attack: "readBodyFraming()",
    file: "net/http1/body_framing.ts",
    check: "chunkedAt >= 0 && chunkedAt < names.length - 1",
    removed: "false",
    tests: ["net/http1/body_framing_test.ts"],
  },
  {
    attack: "parseHttpDate() refuses",
    file: "net/http1/http_date.ts",
    check: "date.getUTCMonth() !== month || date.getUTCDate() !== day",
    removed: "false",
    tests: ["net/http1/http_date_test.ts"],
  },
  ...[
    ["Places gives a newcomer", "part < least", "false"],
    ["Places gives the next place", "count < fewest", "next === undefined"],
    ["Places holds its limits", "this.#waiting.size < MAX_WAITING", "true"],
    ["Places lets a newcomer wait", "last === undefined ||", "true ||"],
  ].map(([attack = "", check = "", removed = ""]) => ({
    attack,
    file: "http/artifacts/places.ts",
    check,
    removed,
    tests: ["http/artifacts/places_test.ts"],
  })),
  {
    attack: "readBodyFraming()",
    file: "net/http1/body_framing.ts",
    check: "if (lengths.length > 0)",
    removed: "if (false)",
    tests: ["net/http1/body_framing_test.ts"],
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
    check: ": isOnLink(from.address, link)",
    removed: ": true",
    tests: ["net/mdns/querier_link_test.ts"],
  },
];

/** Copies what the tests need, and nothing that they could spoil. */
async function copySources(directory: string): Promise<void> {
  const root = new URL("../../", import.meta.url).pathname;
  const { success } = await new Deno.Command("cp", {
    args: ["-R", "lib", "tests", "deno.json", "deno.lock", directory],
    cwd: root,
  }).output();
  if (!success) throw new Error(`Cannot copy the sources to "${directory}"`);
}

/**
 * Runs the tests of an attack.
 *
 * @returns what those that failed saw in place of a refusal, or undefined
 * when none failed
 * @throws DOMException that is a TimeoutError when they hang
 */
async function failureOf(
  directory: string,
  attack: string,
  tests: readonly string[],
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check", "--quiet", "--filter", attack],
      ...tests.map((path) => `tests/${path}`),
    ],
    cwd: directory,
    env: { NO_COLOR: "1" },
    signal,
  }).output();
  signal.throwIfAborted();
  const report = new TextDecoder().decode(stdout);
  if (/\b0 passed/.test(report) && success) {
    throw new Error(`There is no test "${attack}"`);
  }
  if (success) return undefined;
  // A program that no longer starts has not been tested.
  if (!/ \.\.\. FAILED/.test(report)) {
    throw new Error(new TextDecoder().decode(stderr) || report);
  }
  return /^\+ '(\w+)'/m.exec(report)?.[1] ?? "another outcome";
}

/** @returns whether the tests fail, and what is to be said of it */
async function tryMutant(
  directory: string,
  mutant: Mutant,
): Promise<[isNoticed: boolean, verdict: string]> {
  const { attack, tests = ATTACKS } = mutant;
  try {
    const saw = await withMutant(
      directory,
      mutant,
      () => failureOf(directory, attack, tests),
    );
    return saw === undefined
      ? [false, "NOT NOTICED"]
      : [true, `noticed (${saw})`];
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return [false, "HANGS"];
  }
}

async function withMutant<T>(
  directory: string,
  { file, check, removed }: Mutant,
  run: () => Promise<T>,
): Promise<T> {
  const path = `${directory}/lib/${file}`;
  const source = await Deno.readTextFile(path);
  if (source.split(check).length !== 2) {
    throw new Error(`lib/${file} does not have once: ${check}`);
  }
  await Deno.writeTextFile(path, source.replace(check, () => removed));
  try {
    return await run();
  } finally {
    await Deno.writeTextFile(path, source);
  }
}

async function main(file: string): Promise<number> {
  const print = (line: string) =>
    Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
  const mutants = MUTANTS.filter((mutant) => mutant.file.startsWith(file));
  const tests = new Set(mutants.flatMap((mutant) => mutant.tests ?? ATTACKS));
  const directory = await Deno.makeTempDir();
  let noticed = 0;
  try {
    await copySources(directory);
    if (await failureOf(directory, "", [...tests]) !== undefined) {
      throw new Error("The attack tests fail before anything is removed");
    }
    for (const mutant of mutants) {
      const [isNoticed, verdict] = await tryMutant(directory, mutant);
      if (isNoticed) noticed++;
      await print(
        `${verdict}  ${mutant.attack}  lib/${mutant.file}: ${mutant.check}`,
      );
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  await print(`${noticed} of ${mutants.length} noticed`);
  return noticed === mutants.length ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args[0] ?? ""));
