import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";

/** The service manager that started this program, such as systemd. */
export interface ServiceManager extends AsyncDisposable {
  /** The service does its work from now on. */
  ready(): void;
  /** The service has been asked to stop. */
  stopping(): void;
}

/** What a service manager passes in the environment. */
export interface ServiceEnvironment {
  /** Where it listens: a path, or `@` and an abstract name. */
  readonly notifySocket: string;
  /** How often it wants a sign of life, in milliseconds; unset: never. */
  readonly watchdogMs?: number;
}

/**
 * Reads what systemd sets: NOTIFY_SOCKET, and WATCHDOG_USEC unless it is meant
 * for another process by WATCHDOG_PID (sd_notify(3), sd_watchdog_enabled(3)).
 *
 * @param environment reads one variable
 * @returns undefined when no service manager listens
 */
export function readServiceEnvironment(
  environment: (name: string) => string | undefined,
  processId: number,
): ServiceEnvironment | undefined {
  const notifySocket = environment("NOTIFY_SOCKET");
  if (!notifySocket) return undefined;
  const watchdogPid = environment("WATCHDOG_PID") ?? String(processId);
  const watchdogMs = Number(environment("WATCHDOG_USEC") ?? NaN) / 1000;
  return watchdogPid === String(processId) && watchdogMs > 0
    ? { notifySocket, watchdogMs }
    : { notifySocket };
}

/**
 * Notifies the service manager of this program's state. Trouble is logged once,
 * and stops nothing else.
 *
 * @param told undefined: there is no service manager to notify
 */
export function openServiceManager(
  told: ServiceEnvironment | undefined,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): ServiceManager {
  const socket = told && openSocket(told.notifySocket, logger);
  let sending = Promise.resolve();
  let hasFailed = false;
  const notify = (state: string) => {
    // One after the other: READY=1 is not to come after STOPPING=1.
    sending = sending.then(async () => {
      await socket?.send(state);
    }).catch((error) => {
      if (!hasFailed) logger.warn(cannotTell(messageOf(error)));
      hasFailed = true;
    });
  };
  let cancel = () => {};
  const watchdogMs = told?.watchdogMs;
  const keepAlive = () => {
    notify("WATCHDOG=1");
    if (watchdogMs !== undefined) {
      // Half of the time, as sd_watchdog_enabled(3) says.
      cancel = clock.setTimer(keepAlive, watchdogMs / 2);
    }
  };
  if (socket !== undefined && watchdogMs !== undefined) keepAlive();
  return {
    ready: () => notify("READY=1"),
    stopping: () => notify("STOPPING=1"),
    async [Symbol.asyncDispose]() {
      cancel();
      await sending;
      socket?.close();
    },
  };
}

function cannotTell(problem: string): string {
  return `Cannot tell the service manager that plasmd is ready: ${problem}; use Type=exec in its unit, and ask /ready instead`;
}

interface NotifySocket {
  send(state: string): Promise<unknown>;
  close(): void;
}

/** @returns undefined when it cannot be opened, which is logged */
function openSocket(path: string, logger: Logger): NotifySocket | undefined {
  try {
    return bindSocket(path);
  } catch (error) {
    logger.warn(cannotTell(messageOf(error)));
    return undefined;
  }
}

function bindSocket(path: string): NotifySocket {
  if (!path.startsWith("/")) {
    throw new Error(`"${path}" is not a path, which Deno requires`);
  }
  // Not there without the flag, whatever its type says.
  if (!("listenDatagram" in Deno)) {
    throw new Error("Deno opens its socket only with --unstable-net");
  }
  // Deno sends only from a socket with a name, which is of no further use.
  const directory = Deno.makeTempDirSync({ prefix: "plasmd-notify-" });
  try {
    const socket = Deno.listenDatagram({
      transport: "unixpacket",
      path: join(directory, "socket"),
    });
    return {
      send: (state) =>
        socket.send(new TextEncoder().encode(state), {
          transport: "unixpacket",
          path,
        }),
      close: () => socket.close(),
    };
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
