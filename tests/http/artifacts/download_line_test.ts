import assert from "node:assert/strict";
import { downloadLine } from "../../../lib/http/artifacts/download_line.ts";

const ended = {
  client: "10.0.0.7",
  artifact: "stable/arm64/vmlinuz",
  sizeBytes: 4096,
  offsetBytes: 0,
  lengthBytes: 4096,
  startedMs: 1000,
};

Deno.test("downloadLine() says who got how much of what, and how long it took", () => {
  assert.equal(
    downloadLine({ ...ended, sentBytes: 4096, state: "done" }, 3500),
    "Sent stable/arm64/vmlinuz to 10.0.0.7: 4096 bytes in 2.5 s",
  );
  assert.equal(
    downloadLine({ ...ended, sentBytes: 1024, state: "broken" }, 3500),
    "Sent stable/arm64/vmlinuz to 10.0.0.7: 1024 of 4096 bytes, then broken off, in 2.5 s",
  );
});

Deno.test("downloadLine() shows no negative time after the clock was set back", () => {
  assert.match(
    downloadLine({ ...ended, sentBytes: 4096, state: "done" }, 0),
    / in 0\.0 s$/,
  );
});
