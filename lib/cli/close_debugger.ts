import { systemClock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";

/** How long Deno may take to listen; it takes some 12 ms. */
const OPENING_MS = 1000;

/**
 * From now on no signal lets others run code here. Deno 2.9.2 and later listen
 * on 127.0.0.1:9229 for a debugger at SIGUSR1, also where a program listens to
 * that signal, and every user of the machine may connect. It is closed as soon
 * as it is open, and the log says so.
 */
export function closeDebuggers(logger: Logger): void {
  if (Deno.build.os === "windows") return; // which cannot send it
  Deno.addSignalListener("SIGUSR1", () => void closeOnceOpen(logger));
}

async function closeOnceOpen(logger: Logger): Promise<void> {
  const inspector = await import("node:inspector");
  const untilMs = systemClock.monotonic() + OPENING_MS;
  while (inspector.url() === undefined) {
    if (systemClock.monotonic() > untilMs) return;
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 1));
  }
  inspector.close();
  logger.warn(
    "SIGUSR1 made Deno open a debugger, through which every local user could run code: it is closed again. To reload the configuration, send SIGHUP",
  );
}
