/** Those that are not written like the words of a title. */
const EXCEPTIONS = ["ETag", "WWW-Authenticate"];

const NAMES = new Map(EXCEPTIONS.map((name) => [name.toLowerCase(), name]));

/**
 * A header's name as every other server writes it: `content-length` is
 * `Content-Length`. Case does not matter (RFC 9110, section 5.1), but the
 * loaders of GRUB, edk2, lwIP and U-Boot compare bytes and would find no
 * length in an answer.
 *
 * @param name in lower case, as `Headers` has it; one of our own, since all
 * that were asked for are remembered
 */
export function headerName(name: string): string {
  let written = NAMES.get(name);
  if (written === undefined) {
    written = name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
    NAMES.set(name, written);
  }
  return written;
}
