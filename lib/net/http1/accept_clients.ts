import { type Clock, sleep } from "../../core/clock.ts";
import { errorCode, isOutOfDescriptors } from "../../core/error_code.ts";
import type { Logger } from "../../core/log.ts";
import { messageOf } from "../../core/printable.ts";

/** Long enough for the operating system to get something back. */
const ACCEPT_RETRY_MS = 100;

/**
 * Accepts clients until the signal aborts and the listener is closed.
 *
 * @param serve called with each client
 * @param makeRoom called when the descriptors are used up, to get some back
 */
export async function acceptClients<Connection>(
  listener: { accept(): Promise<Connection> },
  { serve, makeRoom, clock, logger, signal }: {
    readonly serve: (connection: Connection) => void;
    readonly makeRoom: () => void;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      serve(await listener.accept());
    } catch (error) {
      if (signal.aborted) return;
      if (isClientGone(error)) continue;
      const isFull = isOutOfDescriptors(error);
      const problem = messageOf(error);
      if (problem !== told) {
        logger.error(
          `Cannot accept HTTP clients: ${problem}; ${
            isFull ? "idle ones are closed to make room" : "trying again"
          }`,
        );
      }
      told = problem;
      if (isFull) makeRoom();
      await sleep(clock, ACCEPT_RETRY_MS, { signal }).catch(() => {
        // Closed meanwhile: the loop ends.
      });
    }
  }
}

/**
 * Whether accepting failed because of one client only, so that the next can be
 * accepted at once. What the system lacks (EMFILE, ENFILE, ENOBUFS, ENOMEM),
 * and any unknown error, would fail again: without a pause the loop would use
 * all of the processor.
 */
function isClientGone(error: unknown): boolean {
  switch (errorCode(error)) {
    // A client that has reset the connection since: Linux hands it out, and
    // then cannot say whose it was; macOS says EINVAL to that.
    case "ENOTCONN":
    case "EINVAL":
    // The client is gone, and the system noticed (POSIX, accept()).
    case "ECONNABORTED":
    case "ECONNRESET":
    case "EPROTO":
    // A firewall's refusal, and trouble on the client's route, which Linux
    // passes on as errors of accept(2).
    case "EPERM":
    case "EHOSTDOWN":
    case "EHOSTUNREACH":
    case "ENETDOWN":
    case "ENETUNREACH":
    case "ENONET":
    case "ENOPROTOOPT":
    case "EOPNOTSUPP":
    case "ETIMEDOUT":
    // Nothing has happened yet.
    case "EINTR":
    case "EAGAIN":
      return true;
    default:
      return false;
  }
}
