import assert from "node:assert/strict";

/**
 * Runs openssl, so that what we sign is checked by somebody else.
 *
 * @returns what it prints on stdout
 */
export async function openssl(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", {
    args,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/**
 * Whether there is an openssl that knows Ed25519. A test that is skipped
 * without says so in its name.
 */
export const hasOpenssl: boolean = await (async () => {
  try {
    return /^OpenSSL [3-9]/.test(await openssl("version"));
  } catch {
    return false;
  }
})();
