import assert from "node:assert/strict";
import fc from "fast-check";
import { renameChannelTables } from "../../lib/config/channel_tables.ts";

Deno.test("renameChannelTables() renames headers and moves nothing", () => {
  const text = renameChannelTables(
    `[provider.channels.a]\n[ "provider" . 'channels' . "b c" ] # x\n[provider.channels]\n[x.channels.d]`,
  );
  assert.equal(
    text,
    `[provider."\\u0000".a]\n[ "provider" . "\\u0000"   . "b c" ] # x\n[provider."\\u0000"]\n[x.channels.d]`,
  );
});

Deno.test("renameChannelTables() leaves strings, comments and keys alone", () => {
  const text =
    `a = """\n[provider.channels.a]\n"""\n# [provider.channels.b]\n[[provider.channels.c]]\n[provider]\nchannels.d.x = 1\n`;
  assert.equal(renameChannelTables(text), text);
});

Deno.test("renameChannelTables() keeps the length of any text", () => {
  const part = fc.constantFrom(
    "[provider.channels.a]",
    "[",
    "]",
    "provider",
    "channels",
    ".",
    '"',
    "'",
    "\n",
    "#",
    "=",
    " ",
  );
  fc.assert(fc.property(
    fc.array(part, { maxLength: 30 }).map((parts) => parts.join("")),
    (text) => assert.equal(renameChannelTables(text).length, text.length),
  ));
});
