import {
  ARCH_OPTION,
  CHANNEL_OPTION,
  FILE_OPTION,
  LOG_OPTIONS,
  NETWORK_OPTIONS,
  TRUST_CONFLICTS,
  TRUST_FILE_OPTION,
  TRUST_OPTIONS,
} from "./common_options.ts";
import type { InvocationValues } from "./command_line.ts";
import { UsageError } from "../core/errors.ts";
import type { Program } from "./option_table.ts";

/** The command line of `phase_discover`. */
export const DISCOVER_PROGRAM = {
  name: "phase_discover",
  summary: "Finds a provider of a boot image and verifies what it offers",
  options: LOG_OPTIONS,
  commands: {
    "": {
      summary: "Finds a provider of a boot image and verifies what it offers",
      options: {
        channel: {
          ...CHANNEL_OPTION,
          default: "stable",
          help: "release channel",
        },
        arch: {
          ...ARCH_OPTION,
          defaultText: "this machine's",
          help: "architecture",
        },
        timeout: {
          type: "seconds",
          placeholder: "SECONDS",
          max: 86_400,
          defaultText: "30",
          help: "give up after this time",
        },
        mode: {
          type: "choice",
          choices: ["auto", "lan", "wan"],
          default: "auto",
          help: "search by mDNS (lan), in the DHT (wan) or both",
        },
        all: {
          type: "flag",
          help: "list every provider found until the timeout, best first",
        },
        ...NETWORK_OPTIONS,
        ...TRUST_OPTIONS,
        trust: TRUST_FILE_OPTION,
        ca: {
          ...FILE_OPTION,
          help: "for https, also trust the authorities in this PEM file",
        },
        state: {
          ...FILE_OPTION,
          help: "remember versions in this file, and refuse older ones",
        },
        fetch: {
          type: "text",
          placeholder: "DIR",
          completes: "directory",
          help: "put the verified files of the image into DIR/CHANNEL/ARCH",
        },
        artifact: {
          type: "text",
          placeholder: "NAME",
          completes: ["kernel", "initramfs", "rootfs", "dtbs"],
          defaultText: "all",
          help: "with --fetch, fetch only this: a role, dtbs or a file's path",
          repeatable: true,
        },
        insecure: {
          type: "flag",
          help: "with --fetch, accept an image that no key verifies",
        },
        format: {
          type: "choice",
          choices: ["text", "json"],
          default: "text",
          help: "output format",
        },
        quiet: {
          type: "flag",
          help: "print the bare URL or directory, and no progress",
        },
        explain: {
          type: "flag",
          help: "report on stderr what is tried and with what result",
        },
      },
      conflicts: [
        ["--quiet", "--format json", "each is an output format of its own"],
        ...TRUST_CONFLICTS,
        [
          "--mode lan",
          "--dht-network amino",
          "--mode lan does not use the DHT",
        ],
        ["--all", "--fetch", "one image is fetched, from all providers"],
        [
          "--insecure",
          "--key",
          "an image that the key has not signed is refused",
        ],
        [
          "--insecure",
          "--trust",
          "an image that its keys have not signed is refused",
        ],
      ],
      examples: [
        "phase_discover --channel stable --arch arm64",
        "phase_discover --channel testing --arch x86_64 --timeout 10",
        "phase_discover --key /etc/phase/signing.pub --state /var/lib/phase/state.json",
        "phase_discover --key /etc/phase/signing.pub --fetch /run/boot --artifact kernel --artifact initramfs",
        "phase_discover --mode wan --bootstrap /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW...",
      ],
      notes: [
        "Exit codes: 0 found, 1 unexpected, 2 usage, 3 nothing found before the",
        "timeout, 4 found but nothing that verifies, 5 found but not fetched",
        "completely, 130 interrupted.",
        "--timeout counts from the start of the program, which Deno takes a moment to",
        "reach: 0.05 s on a PC, 0.5 s on a processor ten times as slow. It also limits",
        "--fetch, which otherwise goes on as long as data arrives.",
      ],
    },
  },
} as const satisfies Program;

/** The command line of `phase_discover`, parsed. */
export type DiscoverValues = InvocationValues<
  typeof DISCOVER_PROGRAM,
  typeof DISCOVER_PROGRAM.commands[""]
>;

/** How long a search takes at most, unless `--timeout` is given. */
export const DEFAULT_TIMEOUT_S = 30;

/**
 * Checks that the options for fetching fit together: a fetch needs a key to
 * trust, or `--insecure`.
 *
 * @throws UsageError
 */
export function checkFetchOptions(
  { fetch, artifact, insecure, key, trust }: DiscoverValues,
): void {
  if (fetch === undefined) {
    const [given] = [
      ...artifact.length > 0 ? ["--artifact"] : [],
      ...insecure ? ["--insecure"] : [],
    ];
    if (given === undefined) return;
    throw new UsageError(
      `Cannot use ${given} without --fetch: say where to put the files with --fetch DIR`,
    );
  }
  if (insecure || key.length > 0 || trust !== undefined) return;
  throw new UsageError(
    "Cannot fetch without a key to trust: name the owner's with --key or --trust, or accept what anybody offers with --insecure",
  );
}
