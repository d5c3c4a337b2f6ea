import assert from "node:assert/strict";
import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import { sha256Of } from "../../lib/fetch/sha256_of.ts";
import { sha256Hex } from "../support/blob_server.ts";
import { seededBytes } from "../support/fetch_lab.ts";
import { temporaryDirectory } from "../support/programs.ts";

Deno.test("sha256Of() is that of files one after the other, with zeros between", async () => {
  await using directory = await temporaryDirectory();
  const { signal } = new AbortController();
  const contents = [seededBytes(600_001), new Uint8Array(), seededBytes(3)];
  const paths: string[] = [];
  for (const [i, bytes] of contents.entries()) {
    paths.push(join(directory.path, `${i}`));
    await Deno.writeFile(join(directory.path, `${i}`), bytes);
  }
  const [long = new Uint8Array(), , short = new Uint8Array()] = contents;
  const joined = (...parts: Uint8Array[]) =>
    sha256Hex(new Uint8Array(parts.flatMap((part) => [...part])));
  assert.equal(await sha256Of(paths, disk, { signal }), joined(long, short));
  assert.equal(
    await sha256Of(paths, disk, { signal, alignmentBytes: 4 }),
    joined(long, new Uint8Array(3), short),
  );
  const enough = AbortSignal.abort(new Error("enough"));
  await assert.rejects(sha256Of(paths, disk, { signal: enough }), /enough/);
});
