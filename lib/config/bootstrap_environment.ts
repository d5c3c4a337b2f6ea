import { UsageError } from "../core/errors.ts";
import { checkMultiaddr } from "../core/multiaddr_text.ts";
import { printable } from "../core/printable.ts";

/**
 * The DHT nodes that `PHASE_BOOTSTRAP` names, separated by commas or spaces.
 *
 * @param environment reads one variable
 * @throws UsageError that names the first invalid multiaddr
 */
export function bootstrapFromEnvironment(
  environment: (name: string) => string | undefined,
): string[] {
  const named = (environment("PHASE_BOOTSTRAP") ?? "").split(/[\s,]+/);
  return named.filter((text) => text !== "").map((text) => {
    const checked = checkMultiaddr(text);
    if (checked.ok) return checked.value;
    throw new UsageError(
      `Cannot use "${
        printable(text, 80)
      }" of PHASE_BOOTSTRAP: ${checked.reason}`,
    );
  });
}
