import type { Mutant } from "./mutant.ts";

/** Checks of one file, all of which the same test file watches. */
function checksOf(
  file: string,
  test: string,
  checks:
    readonly (readonly [attack: string, check: string, removed: string])[],
): Mutant[] {
  return checks.map(([attack, check, removed]) => ({
    attack,
    file,
    check,
    removed,
    tests: [test],
  }));
}

/** What keeps trust from being lost or stolen over the years. */
export const TRUST_MUTANTS: readonly Mutant[] = [
  ...checksOf("manifest/trust_chain.ts", "manifest/trust_chain_test.ts", [
    // The threshold of the old keys.
    [
      "followTrust() stays at the last document",
      "if (!signedBy.ok) return signedBy;",
      "",
    ],
    [
      "verifySuccessor() takes successor keys, and manifest keys no longer",
      "checkSignatures(envelope.value, current.successorKeys)",
      "checkSignatures(envelope.value, current.manifestKeys)",
    ],
    [
      "verifySuccessor() refuses another number",
      "next.value.trustVersion === expected",
      "next.value.trustVersion >= expected",
    ],
  ]),
  ...checksOf("manifest/trust_root.ts", "manifest/trust_root_test.ts", [
    [
      "parseTrustRoot() refuses what it could not enforce",
      "if (!MEMBERS.includes(key))",
      "if (false)",
    ],
  ]),
  ...checksOf("manifest/trusted_keys.ts", "manifest/trusted_keys_test.ts", [
    ["trustKeys() refuses no key", "threshold < 1 ||", ""],
    ["trustKeys() refuses no key", "|| threshold > byId.size", ""],
  ]),
  ...checksOf("manifest/client_state.ts", "manifest/client_state_test.ts", [
    [
      "withManifest() remembers the highest version",
      "manifestVersion < minimumVersion ||",
      "",
    ],
    [
      "newestTrust() starts over when other keys are shipped",
      "trust !== undefined && sameTrustRoot(trust.shipped, shipped)",
      "trust !== undefined",
    ],
    [
      "withTrust() does not go back",
      "last.current.trustVersion >= current.trustVersion",
      "false",
    ],
    [
      "trustPolicyFor() asks for the higher",
      "Math.max(minimumVersion, versions.minimumVersion)",
      "versions.minimumVersion",
    ],
    [
      "loadClientState() refuses a file that it cannot understand",
      "if (!state.ok) {",
      "if (!state.ok) return EMPTY_CLIENT_STATE;\n  if (!state.ok) {",
    ],
    [
      "updateClientState() locks and writes where a link leads",
      "await fileSystem.realPath(path).catch(() => path)",
      "path",
    ],
  ]),
  ...checksOf("cli/disk.ts", "cli/disk_test.ts", [
    // A symbolic link is followed, not replaced.
    [
      "disk.writeAtomically() writes what a link leads to",
      "if (target === undefined) break;",
      "break;",
    ],
  ]),
  ...checksOf("core/state_file.ts", "core/state_file_test.ts", [
    ["refuseNewerState() names the file", "Number(format) <= known", "true"],
  ]),
  ...checksOf("discover/client_trust.ts", "discover/client_trust_test.ts", [
    [
      "ClientTrust follows at most 256 documents",
      "+ MAX_FOLLOWED",
      "+ 2 * MAX_FOLLOWED",
    ],
    [
      "ClientTrust takes the newest document of providers",
      "root.trustVersion > this.#root.trustVersion",
      "true",
    ],
    [
      "ClientTrust does not remember a manifest whose keys",
      "accepted.filter((verified) => this.stillTrusts(verified))",
      "accepted",
    ],
    [
      "ClientTrust still trusts a manifest only by as many keys",
      ".length >= threshold",
      ".length >= 1",
    ],
  ]),
  ...checksOf("manifest/expiry_warning.ts", "manifest/expiry_warning_test.ts", [
    [
      "expiryWarning() is silent until 14 days",
      "14 * DAY_MS",
      "13 * DAY_MS",
    ],
  ]),
  ...checksOf(
    "provider/trust_documents.ts",
    "provider/trust_documents_test.ts",
    [
      [
        "signerWarnings() says whose images",
        "count >= threshold",
        "true",
      ],
      [
        "readTrustDocuments() says which document is under another number",
        "root.value.trustVersion !== number",
        "false",
      ],
      [
        "readTrustDocuments() does not serve what the keys before",
        "await verifySuccessor(bytes, newest)",
        "await readHeldTrust(bytes)",
      ],
      [
        "readTrustDocuments() warns of the expiry",
        "[...faults, expiry]",
        "faults",
      ],
    ],
  ),
  ...checksOf("provider/image_library.ts", "provider/image_library_test.ts", [
    [
      "ImageLibrary hands on the trust documents",
      "...signerWarnings(trust, images),",
      "",
    ],
  ]),
  ...checksOf("manifest/signing_key.ts", "manifest/signing_key_test.ts", [
    [
      "loadSigningKey() refuses a key that others may read",
      "(mode & 0o077) !== 0",
      "false",
    ],
  ]),
  ...checksOf("cli/status_command.ts", "cli/status_command_test.ts", [
    [
      "statusExitCode() is 4",
      "images.every((image) => hasExpired(image, status))",
      "false",
    ],
  ]),
  ...checksOf("cli/trust_commands.ts", "e2e/trust_commands_test.ts", [
    [
      "plasmd trust sign counts old and new",
      "root.trustVersion !== before.trustVersion + 1",
      "false",
    ],
    [
      "plasmd trust verify follows documents in any order",
      "expiresAtMs !== undefined && expiresAtMs <= clock.now()",
      "false",
    ],
  ]),
  ...checksOf("mirror/find_release.ts", "mirror/find_release_test.ts", [
    ["judgeRelease() takes what is newer", "version < hasVersion", "false"],
    [
      "judgeRelease() takes what is newer",
      "found.contentSha256 !== has.contentSha256",
      "false",
    ],
    [
      "findRelease() does not ask the mirror itself",
      "isOwn(finding.candidate)",
      "false",
    ],
  ]),
  ...checksOf("mirror/collect_trust.ts", "mirror/collect_trust_test.ts", [
    ["collectTrust() takes nothing that does not lead", "!leadsOn", "false"],
  ]),
  ...checksOf("mirror/mirrored_image.ts", "mirror/mirrored_image_test.ts", [
    [
      "a release that lies there is held against",
      "if (!verified.ok) throw this.#store.notOurs(verified.reason.message);",
      "if (!verified.ok) return;",
    ],
  ]),
];
