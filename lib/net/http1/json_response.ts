/**
 * JSON with its length, so that no answer is ever chunked: firmware stumbles
 * over chunks.
 *
 * @param headers added to those of the content
 */
export function jsonResponse(
  value: unknown,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return bytesResponse(new TextEncoder().encode(`${JSON.stringify(value)}\n`), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/**
 * A refusal: `{"error": "..."}`.
 *
 * @param message what is wrong and what would be right; it is shown to people
 */
export function errorResponse(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonResponse({ error: message }, { status, headers });
}

/** Bytes that are in memory, with their length. */
export function bytesResponse(
  bytes: Uint8Array<ArrayBuffer>,
  { status = 200, headers }: {
    readonly status?: number;
    readonly headers: Readonly<Record<string, string>>;
  },
): Response {
  return new Response(bytes, {
    status,
    headers: {
      ...headers,
      "content-length": String(bytes.length),
      "x-content-type-options": "nosniff",
    },
  });
}
