import { SystemLimitError } from "./file_system.ts";
import { messageOf } from "./printable.ts";
import { ok, refuse, type Result } from "./result.ts";

/**
 * What a look at the disk gives, or why it gives nothing.
 *
 * @throws SystemLimitError, since what could not be opened for want of
 * descriptors is there
 */
export async function orReason<T>(look: Promise<T>): Promise<Result<T>> {
  try {
    return ok(await look);
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    return refuse(messageOf(error));
  }
}
