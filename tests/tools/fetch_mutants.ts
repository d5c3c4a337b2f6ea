import type { Mutant } from "./mutant.ts";

/** What stands between a box and files that are not to be booted. */
export const FETCH_MUTANTS: readonly Mutant[] = [
  ...[
    [
      "asks those who have the same content",
      "contentSha256 === wanted.contentSha256",
      "true",
    ],
    [
      "looks once more",
      "other.manifest.manifestVersion < provider.manifest.manifestVersion",
      "false",
    ],
    [
      "stops what is signed by keys",
      "if (!trust.stillTrusts(provider))",
      "if (false)",
    ],
  ].map(([attack = "", check = "", removed = ""]) => ({
    attack: `fetchFound() ${attack}`,
    file: "cli/fetch_found.ts",
    check,
    removed,
    tests: ["cli/fetch_found_test.ts"],
  })),
  {
    attack: "checkFetchOptions() asks whom to trust",
    file: "config/discover_options.ts",
    check: "if (insecure || key.length > 0 || trust !== undefined) return;",
    removed: "return;",
    tests: ["config/discover_options_test.ts"],
  },
  {
    attack: "reportFetched() is safe to evaluate",
    file: "cli/fetch_report.ts",
    check: "return /^[\\w@%+:,./=-]*$/.test(value)",
    removed: "return true",
    tests: ["cli/fetch_report_test.ts"],
  },
];
