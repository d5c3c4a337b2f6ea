import type { Mutant } from "./mutant.ts";

/** What those who ask over HTTP rely on. */
export const HTTP_MUTANTS: readonly Mutant[] = [
  {
    attack: "GET /stable/arm64/KERNEL is the kernel",
    file: "manifest/artifact_paths.ts",
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
    check: "MADE_FILES.get(name)",
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
];
