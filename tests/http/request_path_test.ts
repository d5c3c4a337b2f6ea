import assert from "node:assert/strict";
import fc from "fast-check";
import { requestPath } from "../../lib/http/request_path.ts";

const CASES: readonly (readonly [url: string, path: string])[] = [
  ["http://10.0.0.1:8080/stable/arm64/kernel", "/stable/arm64/kernel"],
  ["http://10.0.0.1/stable//arm64///kernel", "/stable/arm64/kernel"],
  ["http://10.0.0.1//stable/arm64/kernel/", "/stable/arm64/kernel"],
  ["http://10.0.0.1/kernel?mac=52%3A54&x=/a/b", "/kernel"],
  ["http://10.0.0.1/kernel#part", "/kernel"],
  ["http://10.0.0.1/a/../b/./c", "/a/../b/./c"],
  ["http://10.0.0.1/a%2fb", "/a%2fb"],
  ["http://10.0.0.1/", "/"],
  ["http://10.0.0.1//", "/"],
  ["http://10.0.0.1", "/"],
  ["http://10.0.0.1?query", "/"],
  ["http:///kernel", "/kernel"],
  ["not a URL", "/"],
];

for (const [url, path] of CASES) {
  Deno.test(`requestPath() of ${url} is ${path}`, () => {
    assert.equal(requestPath(url), path);
  });
}

Deno.test("requestPath() always begins with one slash and has no empty part", () => {
  fc.assert(fc.property(fc.string(), (target) => {
    const path = requestPath(`http://host/${target}`);
    assert.match(path, /^\/(?!\/)/);
    assert.ok(path === "/" || !path.endsWith("/"));
    assert.ok(!path.includes("//"));
  }));
});
