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
          help: "ask by mDNS (lan), in the DHT (wan) or both",
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
          help: "for https, trust the authorities of this PEM file, too",
        },
        state: {
          ...FILE_OPTION,
          help: "remember versions here, and refuse older ones from then on",
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
          help: "with --fetch, take only this: a role, dtbs or a file's path",
          repeatable: true,
        },
        insecure: {
          type: "flag",
          help: "with --fetch, take an image that no key verifies",
        },
        format: {
          type: "choice",
          choices: ["text", "json"],
          default: "text",
          help: "how the result is printed",
        },
        quiet: {
          type: "flag",
          help: "print the bare URL or directory, and no progress",
        },
        explain: {
          type: "flag",
          help: "say on stderr what was tried and what came of it",
        },
      },
      conflicts: [
        ["--quiet", "--format json", "each prints the result in its own way"],
        ...TRUST_CONFLICTS,
        ["--mode lan", "--dht-network amino", "the LAN is asked by mDNS alone"],
        ["--all", "--fetch", "one image is fetched, from all who have it"],
        ["--insecure", "--key", "what the key has not signed is refused"],
        ["--insecure", "--trust", "what is not signed by its keys is refused"],
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
        "timeout, 4 found but nothing that verifies, 5 found and not fetched whole,",
        "130 interrupted.",
        "--timeout counts from the start of the program. Deno takes a moment before:",
        "0.05 s on a PC, 0.5 s on a processor that is ten times as slow. It bounds what",
        "--fetch takes, too; without it that goes on as long as something comes.",
      ],
    },
  },
} as const satisfies Program;

/** The command line of `phase_discover`, parsed. */
export type DiscoverValues = InvocationValues<
  typeof DISCOVER_PROGRAM,
  typeof DISCOVER_PROGRAM.commands[""]
>;

/** How long is searched unless `--timeout` says otherwise. */
export const DEFAULT_TIMEOUT_S = 30;

/**
 * Checks that the options for fetching fit together: a fetch needs to know
 * which keys to trust, or that none are.
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
    "Cannot fetch without a key to trust: name the owner's with --key or --trust, or take what anybody offers with --insecure",
  );
}
