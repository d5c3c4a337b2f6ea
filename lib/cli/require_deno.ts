/**
 * Ends a program that Deno is too old for. Both import it before all others,
 * so that nothing is loaded yet which that Deno might not understand.
 */

/** The oldest Deno that the programs were run with. */
const OLDEST: readonly [major: number, minor: number] = [2, 8];

/**
 * Why a version of Deno cannot run the programs, in one line.
 *
 * @param version as in `Deno.version.deno`
 */
export function denoObstacle(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOld = major < OLDEST[0] || major === OLDEST[0] && minor < OLDEST[1];
  return isOld
    ? `This is Deno ${version}, and Deno ${
      OLDEST.join(".")
    } or later is needed: npm has it, npx -y deno@latest`
    : undefined;
}

const obstacle = denoObstacle(Deno.version.deno);
if (obstacle !== undefined) {
  Deno.stderr.writeSync(new TextEncoder().encode(`ERROR ${obstacle}\n`));
  Deno.exit(2);
}
