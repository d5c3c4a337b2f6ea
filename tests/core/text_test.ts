import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError } from "../../lib/core/errors.ts";
import { createLogger, formatLogLine } from "../../lib/core/log.ts";
import { nearest } from "../../lib/core/nearest.ts";
import { jsonLine, messageOf, printable } from "../../lib/core/printable.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("printable() lets no control or format character through, whatever it is given", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.integer({ min: 1, max: 100 }),
    (text, max) => {
      const result = printable(text, max);
      assert.ok(result.length <= max);
      assert.ok(result.isWellFormed());
      assert.doesNotMatch(result, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    },
  ));
});

Deno.test("printable() leaves ordinary text alone", () => {
  assert.equal(
    printable("Kernel 6.12 – für ünïcode"),
    "Kernel 6.12 – für ünïcode",
  );
  assert.equal(printable("a\u001b[31mb\n"), "a?[31mb?");
});

Deno.test("messageOf() tells an error's causes once each", () => {
  const inner = new Error("disk is gone");
  const outer = new Error("Cannot read", { cause: inner });
  assert.equal(messageOf(outer), "Cannot read: disk is gone");
  assert.equal(messageOf("plain"), "plain");
});

Deno.test("nearest() finds the word that was meant, and none when nothing is near", () => {
  const words = ["channels", "architectures", "port"];
  assert.equal(nearest("chanels", words), "channels");
  assert.equal(nearest("Port", words), "port");
  assert.equal(nearest("prot", words), "port");
  assert.equal(nearest("zzz", words), undefined);
});

Deno.test("createLogger() writes only what is important enough", () => {
  const lines: string[] = [];
  const logger = createLogger({
    level: "warn",
    format: "text",
    clock: new FakeClock(),
    writeLine: (line) => lines.push(line),
  });
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  assert.deepEqual(lines, ["WARN c", "ERROR d"]);
});

Deno.test("formatLogLine() writes one JSON object a line", () => {
  const line = formatLogLine("info", 'a "b"\n', { format: "json", now: 0 });
  assert.deepEqual(JSON.parse(line), {
    time: "1970-01-01T00:00:00.000Z",
    level: "info",
    message: 'a "b"?',
  });
  assert.doesNotMatch(line, /\n/);
});

/** Everything that has broken a log or a terminal, among any text. */
const hostileText = fc.array(fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    ...["\n", "\r", "\x1b[2J", "\x07", "\x7f", "\x85", "\x9b31m", "\u2028"],
    ...[
      "\u2029",
      "\u202e",
      "\u2066",
      "\ufeff",
      "\ud800",
      "\udc00",
      "\u{e0041}",
    ],
    ...["\nINFO Advertising evil/arm64", '"}\n{"level":"info"'],
  ),
)).map((parts) => parts.join(""));
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

Deno.test("no text can forge a log line, or bring one out of shape", () => {
  fc.assert(fc.property(hostileText, (text) => {
    const line = formatLogLine("warn", text, { format: "text", now: 0 });
    assert.match(line, /^WARN /);
    assert.doesNotMatch(line, UNPRINTABLE);
    const json = formatLogLine("warn", text, { format: "json", now: 0 });
    assert.doesNotMatch(json, UNPRINTABLE);
    const { message, ...rest } = JSON.parse(json);
    assert.doesNotMatch(message, UNPRINTABLE);
    assert.deepEqual(rest, { time: "1970-01-01T00:00:00.000Z", level: "warn" });
  }));
});

Deno.test("formatLogLine() bounds a line, whatever it is given", () => {
  const line = formatLogLine("info", "a".repeat(1e6), {
    format: "text",
    now: 0,
  });
  assert.equal(line.length, "INFO ".length + 4000);
});

Deno.test("jsonLine() is one printable line, and loses nothing", () => {
  fc.assert(fc.property(hostileText, (text) => {
    const line = jsonLine({ [text]: [text] });
    assert.doesNotMatch(line, UNPRINTABLE);
    assert.deepEqual(JSON.parse(line), { [text]: [text] });
  }));
});

Deno.test("ConfigError names the file, the line and the column", () => {
  const error = new ConfigError(
    { path: "plasmd.toml", line: 6, column: 2 },
    "unknown key",
  );
  assert.equal(
    error.message,
    'Cannot use config "plasmd.toml" line 6 column 2: unknown key',
  );
});
