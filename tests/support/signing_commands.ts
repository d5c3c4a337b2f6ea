import assert from "node:assert/strict";
import { join } from "node:path";
import type { JsonObject } from "../../lib/manifest/canonical_json.ts";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import { type Ended, run, temporaryDirectory } from "./programs.ts";
import { writeKeys } from "./signed_image.ts";
import { testSigningKey } from "./signing_keys.ts";

/** The owners of `alice.pem` and `bob.pem`. */
export const [alice, bob] = await Promise.all([
  testSigningKey(41),
  testSigningKey(42),
]);

/** Runs `plasmd` in a directory with two keys, `alice.pem` and `bob.pem`. */
export async function withKeys(
  test: (
    root: string,
    plasmd: (...args: string[]) => Promise<Ended>,
  ) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await writeKeys(path, { "alice.pem": alice, "bob.pem": bob });
  const env = { XDG_STATE_HOME: join(path, "xdg") };
  await test(path, (...args) => run("plasmd", args, { cwd: path, env }));
}

/** It ended with 2 and one line that says this. */
export function assertUserError(
  { code, stdout, stderr }: Ended,
  says: RegExp,
): void {
  assert.equal(code, 2, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, says);
  assert.match(stderr, /^ERROR [^\n]*[^.\n]\n$/, "one line, without a period");
}

/** It ended well. */
export function assertDone({ code, stderr }: Ended): void {
  assert.equal(code, 0, stderr);
}

/** What the envelope of a file holds. */
export async function contentOf(path: string): Promise<JsonObject> {
  const envelope = openEnvelope(await Deno.readFile(path));
  assert.ok(envelope.ok);
  return envelope.value.content;
}

/** Who signed the envelope of a file. */
export async function signersOf(path: string): Promise<string[]> {
  const envelope = openEnvelope(await Deno.readFile(path));
  assert.ok(envelope.ok);
  return envelope.value.signatures.map(({ keyId }) => keyId);
}
