/** What came back over a raw socket. */
export interface RawAnswer {
  /** Everything, one character per byte. */
  readonly text: string;
  /** Whether the server ended the connection. */
  readonly closed: boolean;
}

/**
 * Sends bytes as they are, which no HTTP client would, and collects what comes
 * back until the server ends the connection or falls silent.
 *
 * @param parts sent one after the other, as separate segments
 * @param enough whether what came is all that is expected: then `quietMs` of
 * silence end it, else `patienceMs`
 */
export async function rawHttp(
  port: number,
  parts: readonly string[],
  { enough = () => true, quietMs = 200, patienceMs = quietMs }: {
    readonly enough?: (text: string) => boolean;
    readonly quietMs?: number;
    readonly patienceMs?: number;
  } = {},
): Promise<RawAnswer> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  for (const [index, part] of parts.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await connection.write(bytesOf(part)).catch(() => {
      // The server hung up before it had everything: the reads below see it.
    });
  }
  const buffer = new Uint8Array(65536);
  let text = "";
  let closed = true;
  while (true) {
    const silence = setTimeout(() => {
      closed = false;
      connection.close();
    }, enough(text) ? quietMs : patienceMs);
    const count = await connection.read(buffer).catch(() => null);
    clearTimeout(silence);
    if (count === null) break;
    for (const byte of buffer.subarray(0, count)) {
      text += String.fromCharCode(byte);
    }
  }
  if (closed) connection.close();
  return { text, closed };
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
