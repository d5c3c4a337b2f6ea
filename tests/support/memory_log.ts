import { createLogger, type Logger } from "../../lib/core/log.ts";
import { FakeClock } from "./fake_clock.ts";

/** A logger that keeps its lines. */
export function memoryLog(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const logger = createLogger({
    level: "debug",
    format: "text",
    clock: new FakeClock(),
    writeLine: (line) => lines.push(line),
  });
  return { logger, lines };
}
