/**
 * What two answers must agree in: the order of headers says nothing (RFC 9110,
 * section 5.3), and the time passes.
 */
export function comparable(text: string): string {
  return text.replaceAll(
    /(HTTP\/1\.[01] \d{3} [^\r]*\r\n)((?:[a-z-]+: [^\r]*\r\n)+)/g,
    (_, status: string, headers: string) =>
      status + headers.replace(/^date: .*$/m, "date: DATE")
        .split(/(?<=\n)/).sort().join(""),
  );
}

/** An answer: status line, headers, body. */
export function answer(
  status: string,
  headers: Readonly<Record<string, string>>,
  body = "",
  version = "HTTP/1.1",
): string {
  const fields = Object.entries({ ...headers, date: "DATE" })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${version} ${status}\r\n${fields}\r\n${body}`;
}

/** JSON as it is sent, with its length. */
export function json(
  status: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  return answer(status, {
    "content-type": "application/json",
    ...headers,
    "content-length": String(new TextEncoder().encode(body).length + 1),
    "x-content-type-options": "nosniff",
  }, `${body}\n`);
}

/** `{"error": "..."}`. */
export function refusal(
  status: string,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  return json(status, JSON.stringify({ error }), headers);
}

/** What Deno says of a request it cannot read, before it hangs up. */
export const BAD_REQUEST = answer("400 Bad Request", {
  "content-length": "0",
  connection: "close",
});
