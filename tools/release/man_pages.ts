import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import { ExitCode } from "../../lib/core/exit_code.ts";
import { RELEASED_AT_MS } from "../../lib/core/version.ts";
import { renderCommandPage } from "./command_page.ts";
import { renderConfigPage } from "./config_page.ts";

const EXIT_CODES: Readonly<Record<keyof typeof ExitCode, string>> = {
  done: "done",
  unexpected: "unexpected: a bug, or trouble of the machine",
  usage: "the command line or the configuration is wrong",
  notFound: "nothing was found before the timeout, or no host could be reached",
  notVerified: "a manifest came, but none that verifies",
  notFetched: "found and verified, but a file could not be fetched whole",
  incomplete: "signed, but not by enough yet",
  interrupted: "ended by SIGINT or SIGTERM before it had a result",
};
/** What `phase_discover` never ends with. */
const OF_PLASMD: readonly string[] = ["incomplete"];

/**
 * The pages for man(1).
 *
 * @param example the text of `examples/provider.toml`
 * @param version of the programs
 * @returns by file name, such as `plasmd.1`
 */
export function manPages(
  example: string,
  version: string,
): ReadonlyMap<string, string> {
  const title = { version, releasedAtMs: RELEASED_AT_MS };
  return new Map([
    [
      "plasmd.1",
      renderCommandPage(PLASMD_PROGRAM, {
        ...title,
        exitCodes: exitCodes(() => true),
        files: {
          "/etc/plasm/provider.toml": "configuration, unless another is named",
          "/var/lib/plasm/CHANNEL/ARCH/": "the files of an image",
          "/var/lib/plasmd/":
            "state, of a provider that runs as a service: keys, the last manifest of each image, digests. Keep a copy of it",
        },
        environment: {
          PLASM_CONFIG: "path of a configuration file",
          STATE_DIRECTORY: "where state is kept, as set by systemd",
        },
        seeAlso: ["phase_discover(1)", "provider.toml(5)"],
      }),
    ],
    [
      "phase_discover.1",
      renderCommandPage(DISCOVER_PROGRAM, {
        ...title,
        exitCodes: exitCodes((name) => !OF_PLASMD.includes(name)),
        files: {},
        environment: {},
        seeAlso: ["plasmd(1)"],
      }),
    ],
    ["provider.toml.5", renderConfigPage(example, title)],
  ]);
}

function exitCodes(
  isOf: (name: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(EXIT_CODES).filter(([name]) => isOf(name))
      .map(([name, text]) => [ExitCode[name as keyof typeof ExitCode], text]),
  );
}
