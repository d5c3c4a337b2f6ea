import { ok, refuse, type Result } from "../../core/result.ts";
import { MAC } from "./placeholders.ts";

/** The interface that iPXE booted from: of several, the one opened last. */
const IPXE_MAC = "${netX/mac}";
/**
 * GRUB sets it to that of the interface which DHCP configured. It ends the
 * quotes around it, and stays part of the word.
 */
const GRUB_MAC = `'"$net_default_mac"'`;

/**
 * A kernel command line as words of an iPXE command. iPXE has no quotes: it
 * splits at white space, and the kernel gets the words with blanks between
 * them. What iPXE would read as something else cannot be said at all.
 *
 * @param cmdline of `filledCmdline()`
 */
export function ipxeArguments(cmdline: string): Result<string> {
  const checked = printableAscii(cmdline);
  if (!checked.ok) return checked;
  if (cmdline.includes("${")) return refuse('it holds "${"');
  const words = cmdline.split(/ +/).filter((word) => word !== "");
  for (const word of words) {
    if (/^(\|\||&&|;|#.*)$/.test(word)) return refuse(`it holds "${word}"`);
  }
  return ok(words.join(" ").replaceAll(MAC, IPXE_MAC));
}

/**
 * A kernel command line as words of a GRUB command, each in single quotes,
 * within which nothing is special. GRUB puts double quotes around a word with
 * blanks itself (`dyndbg="file x +p"` becomes `"dyndbg=file x +p"`, which the
 * kernel reads alike), and escapes quotes and backslashes in a way that the
 * kernel does not undo: such words cannot be said.
 *
 * @param cmdline of `filledCmdline()`
 */
export function grubArguments(cmdline: string): Result<string> {
  const checked = printableAscii(cmdline);
  if (!checked.ok) return checked;
  const words: string[] = [];
  for (const [word] of cmdline.matchAll(/(?:[^ "]|"[^"]*")+|"/g)) {
    const bare = word.replaceAll(/"([^"]*)"/g, "$1");
    if (/["'\\]/.test(bare)) return refuse(`it holds ${bare}`);
    words.push(`'${bare.replaceAll(MAC, GRUB_MAC)}'`);
  }
  return ok(words.join(" "));
}

/** Scripts are lines of ASCII: a line break would begin a command of its own. */
function printableAscii(cmdline: string): Result<void> {
  return /^[\x20-\x7e]*$/.test(cmdline)
    ? ok(undefined)
    : refuse("it holds characters other than printable ASCII");
}
