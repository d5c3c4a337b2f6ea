import { UserError } from "./errors.ts";

/**
 * Refuses a state file that a newer program than this one has made: to read it
 * might be to get it wrong, and to write it would be to lose what is in it.
 *
 * @param text JSON, which begins with `format` in every version of the program;
 * one that does not is from before forms had numbers
 * @param known the highest number that this program writes
 * @param loss what becomes of it when the file is deleted, one clause
 * @throws UserError that names the file, and says what can be done
 */
export function refuseNewerState(
  text: string,
  known: number,
  { path, loss }: { readonly path: string; readonly loss: string },
): void {
  const [, format] = /^\s*\{\s*"format"\s*:\s*(\d{1,9})\b/.exec(text) ?? [];
  if (format === undefined || Number(format) <= known) return;
  throw new UserError(
    `Cannot use "${path}": a newer version of this program made it (format ${format}, this one knows ${known}); run that one, or delete the file, after which ${loss}`,
  );
}
