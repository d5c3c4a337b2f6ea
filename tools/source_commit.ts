/**
 * The commit that sources are of, for `--version`: its first 12 digits, with
 * `-modified` where files differ from it.
 *
 * @param root the top of a checkout
 * @param sources what counts as the sources, as paths below it
 * @returns undefined where that is no checkout, or there is no git
 */
export async function sourceCommit(
  root: string,
  sources: readonly string[],
): Promise<string | undefined> {
  const head = await git(root, [
    ...["rev-parse", "--show-prefix", "--short=12", "HEAD"],
  ]);
  // An unpacked archive may lie in somebody else's checkout.
  const commit = /^\n([0-9a-f]+)\n$/.exec(head ?? "")?.[1];
  if (commit === undefined) return undefined;
  const changes = await git(root, ["status", "--porcelain", "--", ...sources]);
  return changes === "" ? commit : `${commit}-modified`;
}

async function git(
  cwd: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: [...args],
      cwd,
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined; // There is no git.
  }
}
