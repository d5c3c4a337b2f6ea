import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import { openHttpServer } from "../../lib/net/http1/server.ts";
import { httpFixture, KERNEL } from "./http_fixture.ts";
import { MemoryLogger } from "./memory_logger.ts";
import { rawHttp } from "./raw_http.ts";

/**
 * What two answers must agree in: the order of headers says nothing (RFC 9110,
 * section 5.3), and the time passes.
 */
export function comparable(text: string): string {
  return text.replaceAll(
    /(HTTP\/1\.[01] \d{3} [^\r]*\r\n)((?:[A-Za-z-]+: [^\r]*\r\n)+)/g,
    (_, status: string, headers: string) =>
      status + headers.replace(/^Date: .*$/m, "Date: DATE")
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
  const fields = Object.entries({ ...headers, Date: "DATE" })
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
    "Content-Type": "application/json",
    ...headers,
    "Content-Length": String(new TextEncoder().encode(body).length + 1),
    "X-Content-Type-Options": "nosniff",
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

/** What is said of a request that cannot be read, before hanging up. */
export function unreadable(
  reason: string,
  status = "400 Bad Request",
): string {
  return refusal(status, `Cannot read this request: ${reason}`, {
    Connection: "close",
  });
}

const fixture = await httpFixture();
const [served] = fixture.catalog.images();
const kernel = served?.artifacts.get("kernel");
if (kernel === undefined) throw new Error("no kernel");

/** The SHA-256 of the kernel. */
export const KERNEL_SHA256 = kernel.sha256;

/** A Host header as most clients send it. */
export const H = "Host: 10.0.0.1:8080\r\n";
const NOT_FOUND = "404 Not Found";

/** A GET request. */
export function get(target: string, headers = H, version = "HTTP/1.1"): string {
  return `GET ${target} ${version}\r\n${headers}\r\n`;
}

const ABOUT_KERNEL = {
  ETag: `"${kernel.sha256}"`,
  "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT",
  "Cache-Control": "no-cache",
  "Accept-Ranges": "bytes",
};
export const KERNEL_HEADERS = {
  ...ABOUT_KERNEL,
  "Content-Type": "application/octet-stream",
  "Content-Length": String(KERNEL.length),
  "X-Content-Type-Options": "nosniff",
};
export const KERNEL_200 = answer("200 OK", KERNEL_HEADERS, KERNEL);
export const KERNEL_HEAD = answer("200 OK", KERNEL_HEADERS);
export const KERNEL_304 = answer("304 Not Modified", ABOUT_KERNEL);
export const HEALTH_200 = json("200 OK", '{"status":"ok"}');
export const HEALTH_200_CLOSE = json("200 OK", '{"status":"ok"}', {
  Connection: "close",
});

export function kernel206(first: number, last: number): string {
  return answer(
    "206 Partial Content",
    {
      ...KERNEL_HEADERS,
      "Content-Length": String(last - first + 1),
      "Content-Range": `bytes ${first}-${last}/${KERNEL.length}`,
    },
    KERNEL.slice(first, last + 1),
  );
}

export function nothingAt(path: string): string {
  return refusal(NOT_FOUND, `Nothing at ${path}: / lists what is served`);
}

export function noFile(name: string): string {
  return refusal(
    NOT_FOUND,
    `stable/arm64 has no ${
      JSON.stringify(name)
    }; it has manifest.json, kernel (vmlinuz), initramfs (initramfs.img), Board-4.dtb`,
  );
}

export function noImage(name: string): string {
  return refusal(
    NOT_FOUND,
    `No image ${name} here; served: stable/arm64, testing/x86_64`,
  );
}

export function cannot(
  method: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  return refusal(
    "405 Method Not Allowed",
    `Cannot ${method}: only GET and HEAD are supported`,
    { Allow: "GET, HEAD", ...headers },
  );
}

export const OUT_OF_BOUNDS = refusal(
  "416 Range Not Satisfiable",
  "stable/arm64/vmlinuz has 26 bytes",
  { "Content-Range": "bytes */26" },
);

/** The kernel of stable/arm64. */
export const K = "/stable/arm64/kernel";

/** What is sent, in one segment or several, and all that comes back. */
export type RawCase = readonly [
  name: string,
  sent: string | readonly string[],
  want: string,
  closed?: "closed",
];

/** Puts each case on the wire, and compares what comes back byte for byte. */
export function testRawRequests(name: string, cases: readonly RawCase[]): void {
  Deno.test(name, async (t) => {
    await using server = openHttpServer({
      handler: fixture.handler,
      hostname: "127.0.0.1",
      port: 0,
      clock: systemClock,
      logger: new MemoryLogger(),
      signal: new AbortController().signal,
    });
    for (const [what, sent, want, closed] of cases) {
      await t.step(what, async () => {
        // Bytes on the wire, one character each.
        const bytes = String.fromCharCode(...new TextEncoder().encode(want));
        const wanted = comparable(bytes);
        const got = await rawHttp(
          server.port,
          typeof sent === "string" ? [sent] : sent,
          {
            enough: (text) => comparable(text) === wanted,
            // What is too much comes within moments after what is enough.
            quietMs: 30,
            patienceMs: 5000,
          },
        );
        assert.equal(comparable(got.text), wanted);
        assert.equal(got.closed, closed === "closed");
      });
    }
    assert.equal(fixture.fileSystem.openCount, 0);
  });
}
