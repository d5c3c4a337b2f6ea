/** What came back over a raw socket. */
export interface RawAnswer {
  /** Everything, one character per byte. */
  readonly text: string;
  /** Whether the server ended the connection. */
  readonly closed: boolean;
}

/**
 * Sends bytes as they are, which no HTTP client would, and collects what comes
 * back until the server ends the connection, `until` is content, or nothing
 * comes for `quietMs`.
 *
 * @param parts sent one after the other, as separate segments
 */
export async function rawHttp(
  port: number,
  parts: readonly string[],
  { until = () => false, quietMs = 200 }: {
    readonly until?: (text: string) => boolean;
    readonly quietMs?: number;
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
  let open = true;
  const hangUp = () => {
    open = false;
    connection.close();
  };
  while (!until(text)) {
    const quiet = setTimeout(hangUp, quietMs);
    const count = await connection.read(buffer).catch(() => null);
    clearTimeout(quiet);
    if (count === null) break;
    for (const byte of buffer.subarray(0, count)) {
      text += String.fromCharCode(byte);
    }
  }
  const closed = open && !until(text);
  if (open) hangUp();
  return { text, closed };
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
