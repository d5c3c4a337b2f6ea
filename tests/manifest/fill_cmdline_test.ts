import assert from "node:assert/strict";
import { fillCmdline } from "../../lib/manifest/fill_cmdline.ts";

// More of it in http/boot/placeholders_test.ts, by what a provider knows.

const url = "http://10.77.0.1:8080/stable/arm64";

Deno.test("fillCmdline() puts in what is known, as often as it is asked for", () => {
  const find = (name: string) =>
    name === "rootfs" ? { sha256: "ab" } : undefined;
  assert.deepEqual(
    fillCmdline('root={url}/r sum={sha256:rootfs} u={url} q="a b" {mac}', {
      url,
      find,
    }),
    { ok: true, value: `root=${url}/r sum=ab u=${url} q="a b" {mac}` },
  );
});

Deno.test("fillCmdline() does not take what a URL holds for more of the pattern", () => {
  const odd = "http://h/$&{url}";
  assert.deepEqual(
    fillCmdline("a={url}", { url: odd, find: () => undefined }),
    { ok: true, value: `a=${odd}` },
  );
});

Deno.test("fillCmdline() names a file that is not there", () => {
  const filled = fillCmdline("{sha256:x}", { url, find: () => undefined });
  assert.ok(!filled.ok);
  assert.match(filled.reason, /\{sha256:x\}, and the image has no such file/);
});
