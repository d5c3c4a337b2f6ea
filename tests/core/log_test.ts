import fc from "fast-check";
import assert from "node:assert/strict";
import { createLogger, formatLogLine } from "../../lib/core/log.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hostileText, UNPRINTABLE } from "../support/hostile_text.ts";

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
