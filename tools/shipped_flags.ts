/**
 * How the programs are run for real: by `deno task serve` and `discover`, in
 * the executables of `deno task compile`, and wherever a test or a benchmark
 * starts a program as its users do. deno.json repeats them, and a test holds it
 * against this.
 */

const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
] as const;

/** Options of `deno run` and `deno compile` for `plasmd`. */
export const PLASMD_FLAGS: readonly string[] = [
  ...PERMISSIONS,
  // systemd's socket.
  "--unstable-net",
  // A small young generation: a crowd of downloads takes 30 MiB less.
  "--v8-flags=--max-semi-space-size=4",
];

/** Options of `deno run` and `deno compile` for `phase_discover`. */
export const DISCOVER_FLAGS: readonly string[] = [
  ...PERMISSIONS,
  // Room for all that one search makes: collecting it would take 2 to 3 ms.
  "--v8-flags=--min-semi-space-size=4",
];
