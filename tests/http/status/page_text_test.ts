import assert from "node:assert/strict";
import { searchField, shown } from "../../../lib/http/status/page_text.ts";

Deno.test("shown() is one readable line of bounded length", () => {
  assert.equal(shown("a\nb\u202e"), "a?b?");
  assert.equal(shown("x".repeat(500)).length, 120);
});

Deno.test("searchField() is there for many rows only", async () => {
  assert.equal(searchField("channel", 11), "");
  assert.match(
    String(await searchField("channel", 12)),
    /<input type="search" data-finds="channel" placeholder="Find a channel"/,
  );
});
