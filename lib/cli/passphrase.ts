import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import { type AskPassphrase, readSecret } from "../manifest/signing_key.ts";
import { disk } from "./disk.ts";

/** The longest passphrase that is read. */
const MAX_BYTES = 1024;

/**
 * Where the passphrases of private keys come from: the first line of a file, the
 * same for every key, or the terminal, once for each key.
 *
 * @param file undefined: the terminal
 */
export function passphraseFrom(
  file: string | undefined,
  { signal }: { readonly signal: AbortSignal },
): AskPassphrase {
  if (file === undefined) return promptFor;
  // Read once for all keys: a pipe has nothing to say a second time.
  const read = once(async () => {
    const subject = `passphrase file "${file}"`;
    const text = await readSecret(disk, file, subject, {
      mayBePipe: true,
      signal,
    });
    if (text !== undefined) return text.replace(/\r?\n[^]*$/, "");
    throw new UserError(`Cannot use ${subject}: there is no such file`);
  });
  return () => read();
}

/** @throws UserError where there is no terminal, or Control-C is pressed */
async function promptFor(path: string): Promise<string> {
  const cannot = `Cannot use signing key "${path}"`;
  if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) {
    throw new UserError(
      `${cannot}: it has a passphrase; name a file that holds it with --passphrase-file FILE, or run this in a terminal`,
    );
  }
  const say = (text: string) =>
    Deno.stderr.write(new TextEncoder().encode(text));
  await say(`Passphrase of "${path}": `);
  Deno.stdin.setRaw(true);
  try {
    const typed = await readTyped();
    if (typed !== undefined) return typed;
    throw new UserError(`${cannot}: no passphrase was typed`);
  } finally {
    Deno.stdin.setRaw(false);
    await say("\n");
  }
}

/** A line of a terminal in raw mode; undefined when it is broken off. */
async function readTyped(): Promise<string | undefined> {
  const typed: number[] = [];
  const buffer = new Uint8Array(1);
  while (typed.length < MAX_BYTES) {
    if (await Deno.stdin.read(buffer) === null) return undefined;
    const [byte = 0] = buffer;
    switch (byte) {
      case 0x03: // Control-C
      case 0x04: // Control-D
        return undefined;
      case 0x0a:
      case 0x0d:
        return new TextDecoder().decode(Uint8Array.from(typed));
      case 0x08:
      case 0x7f:
        // The whole of a character beyond ASCII.
        while (((typed.pop() ?? 0) & 0xc0) === 0x80);
        break;
      case 0x15: // Control-U
        typed.length = 0;
        break;
      default:
        typed.push(byte);
    }
  }
  return undefined;
}
