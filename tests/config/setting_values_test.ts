import assert from "node:assert/strict";
import type { Result } from "../../lib/core/result.ts";
import {
  parseBind,
  parseDuration,
  parseHttpUrl,
  parseInterface,
  parseMacPattern,
  parsePath,
  parseProtocol,
  parseProviderName,
} from "../../lib/config/setting_values.ts";

const cases: readonly {
  parse: (text: string) => Result<string>;
  takes: readonly string[];
  refuses: readonly string[];
}[] = [
  {
    parse: parseHttpUrl,
    takes: ["http://a", "https://a.example:8443/boot", "http://[::1]:80"],
    refuses: [
      "",
      "a",
      "ftp://a",
      "javascript:1",
      "http://u:p@a",
      "http://a?x",
      "http://a/#x",
      "http://",
    ],
  },
  {
    parse: parseBind,
    takes: ["0.0.0.0", "::", "fe80::1%eth0", "localhost"],
    refuses: ["", "a b", "\n", "http://a"],
  },
  {
    parse: parseInterface,
    takes: [
      "eth0",
      "br-lan",
      "eth0.5",
      "veth1@if2",
      "fe80::1",
      "!wlan0",
      "!10.0.0.1",
    ],
    refuses: ["", "!", "!!a", "a/b", "e\u0000", "x".repeat(65)],
  },
  {
    parse: parseProviderName,
    takes: ["rack 12", "büro", "x".repeat(63)],
    refuses: ["", " a", "a\nb", "a\u200Bb", "x".repeat(64)],
  },
  {
    parse: parseMacPattern,
    takes: [
      "52:54:00:12:34:56",
      "52-54-00-12-34-5F",
      "52:54:00:*",
      "*:56",
      "*",
    ],
    refuses: [
      "",
      "52:54:00",
      "52:54:00:12:34:5g",
      "525400*x",
      "eth0",
      "*".repeat(18),
    ],
  },
  { parse: parsePath, takes: ["/a", "a b", ".."], refuses: ["", "a\0b"] },
  {
    parse: parseProtocol,
    takes: ["/ipfs/kad/1.0.0", "/x"],
    refuses: ["", "/", "ipfs", "/a//b", "/a b", "/é"],
  },
];

for (const { parse, takes, refuses } of cases) {
  Deno.test(`${parse.name}() checks the shape`, () => {
    for (const text of takes) {
      assert(parse(text).ok, `refuses ${JSON.stringify(text)}`);
    }
    for (const text of refuses) {
      assert(!parse(text).ok, `takes ${JSON.stringify(text)}`);
    }
  });
}

Deno.test("parseHttpUrl() drops the final slash, so that paths can be added", () => {
  for (const text of ["http://a:80", "http://a/", "HTTP://A//"]) {
    assert.deepEqual(parseHttpUrl(text), { ok: true, value: "http://a" });
  }
});

Deno.test("parseDuration() takes a number with its unit, from a second to a day", () => {
  const cases = [["1s", 1000], ["90s", 90_000], ["10m", 600_000], [
    "24h",
    864e5,
  ]];
  for (const [text, value] of cases) {
    assert.deepEqual(parseDuration(String(text)), { ok: true, value });
  }
  for (
    const text of ["", "10", "0s", "25h", "1.5h", "-1m", "10 m", "m", "1d"]
  ) {
    assert(!parseDuration(text).ok, `takes ${JSON.stringify(text)}`);
  }
});
