import assert from "node:assert/strict";
import {
  formatChannelArch,
  isSafeName,
  manifestPath,
  parseArch,
  parseChannel,
  parseChannelArch,
} from "../../lib/core/channel_arch.ts";

Deno.test("parseArch() makes aliases canonical and lets others pass", () => {
  const cases = {
    arm64: "arm64",
    aarch64: "arm64",
    x86_64: "x86_64",
    amd64: "x86_64",
    x64: "x86_64",
    riscv64: "riscv64",
  };
  for (const [text, canonical] of Object.entries(cases)) {
    assert.deepEqual(parseArch(text), { ok: true, value: canonical });
  }
});

Deno.test("isSafeName() refuses what could leave a directory or a URL path", () => {
  const refused = [
    "",
    ".",
    "..",
    "a/b",
    "/a",
    "A",
    "a b",
    "-a",
    "_a",
    ".a",
    "a\n",
    "a\u0000",
    "ä",
    "a%2f",
    "a".repeat(33),
  ];
  for (const name of refused) assert.equal(isSafeName(name), false, name);
  for (const name of ["a", "0", "a.b_c-d", "a".repeat(32)]) {
    assert.equal(isSafeName(name), true, name);
  }
});

Deno.test("parseChannel() keeps what is below a provider's other paths out", () => {
  for (const name of ["boot", "blobs"]) {
    assert.ok(!parseChannel(name).ok, name);
    assert.ok(parseArch(name).ok, "no architecture is there");
  }
  for (const name of ["stable", "boot2", "trust", "manifest.json", "status"]) {
    assert.deepEqual(parseChannel(name), { ok: true, value: name });
  }
});

Deno.test("parseChannelArch() says which part is wrong", () => {
  const channel = parseChannelArch("Stable", "arm64");
  assert.ok(!channel.ok);
  assert.match(channel.reason, /channel/);
  const arch = parseChannelArch("stable", "ARM");
  assert.ok(!arch.ok);
  assert.match(arch.reason, /architecture/);
});

Deno.test("manifestPath() and formatChannelArch() name an image", () => {
  const image = { channel: "stable", arch: "arm64" };
  assert.equal(formatChannelArch(image), "stable/arm64");
  assert.equal(manifestPath(image), "/stable/arm64/manifest.json");
});
