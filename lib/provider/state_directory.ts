import { join } from "node:path";

/**
 * Where a provider keeps its keys and counters when nothing else is
 * configured: systemd's `STATE_DIRECTORY`, else as the XDG Base Directory
 * Specification says, else `/var/lib/plasmd`. Never inside the artifacts.
 *
 * @param environment reads one variable
 */
export function defaultStateDirectory(
  environment: (name: string) => string | undefined,
): string {
  const systemd = environment("STATE_DIRECTORY")?.split(":")[0];
  if (systemd) return systemd;
  const xdg = environment("XDG_STATE_HOME");
  if (xdg?.startsWith("/")) return join(xdg, "plasmd");
  const home = environment("HOME");
  return home ? join(home, ".local/state/plasmd") : "/var/lib/plasmd";
}

/** Where a provider keeps the key that it made itself. */
export function signingKeyPath(stateDir: string): string {
  return join(stateDir, "signing.key");
}
