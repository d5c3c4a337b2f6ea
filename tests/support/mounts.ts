import assert from "node:assert/strict";

/** Why nothing can be mounted here, or a program is missing. */
export async function mountObstacle(
  programs: readonly string[],
): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "mount namespaces need Linux";
  if (Deno.uid() !== 0) return "mount namespaces need root";
  for (const name of ["unshare", "nsenter", "mount", ...programs]) {
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `command -v ${name}`],
      stdout: "null",
    }).output();
    if (!success) return `not installed: ${name}`;
  }
  const { success } = await new Deno.Command("unshare", {
    args: ["-m", "mount", "-t", "tmpfs", "none", "/mnt"],
    stderr: "null",
  }).output();
  if (!success) return "nothing can be mounted here";
  if (!programs.includes("mksquashfs")) return undefined;
  const loop = await new Deno.Command("losetup", {
    args: ["-f"],
    stdout: "null",
    stderr: "null",
  }).output();
  return loop.success ? undefined : "there are no loop devices here";
}

/**
 * Registers a test that mounts file systems, in a namespace of its own; where it
 * cannot run, it is skipped and says why.
 */
export async function mountTest(
  name: string,
  programs: readonly string[],
  body: (mounts: Mounts) => Promise<void>,
): Promise<void> {
  const why = await mountObstacle(programs);
  Deno.test({
    name: why === undefined ? name : `${name} (skipped: ${why})`,
    ignore: why !== undefined,
    fn: async () => {
      await using mounts = new Mounts();
      await body(mounts);
    },
  });
}

/** A mount namespace. */
export class Mounts implements AsyncDisposable {
  readonly #holder = new Deno.Command("unshare", {
    args: ["-m", "--propagation", "private", "sleep", "infinity"],
  }).spawn();

  /** In front of a command that is to see what is mounted. */
  get prefix(): string[] {
    return ["nsenter", "-t", `${this.#holder.pid}`, "-m", `--wd=${Deno.cwd()}`];
  }

  /** Runs a command to its end, and gives what it says. */
  async run(command: string, args: readonly string[]): Promise<string> {
    const [head = "", ...rest] = [...this.prefix, command, ...args];
    const { success, stdout, stderr } = await new Deno.Command(head, {
      args: rest,
    }).output();
    const decoder = new TextDecoder();
    assert.ok(
      success,
      `${command} ${args.join(" ")}: ${decoder.decode(stderr)}`,
    );
    return decoder.decode(stdout);
  }

  /** Like mount(8). */
  async mount(...args: readonly string[]): Promise<void> {
    await this.run("mount", args);
  }

  /** Like umount(8), which fails while a file is open. */
  async unmount(path: string): Promise<void> {
    await this.run("umount", [path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill("SIGKILL");
    await this.#holder.status;
  }
}
