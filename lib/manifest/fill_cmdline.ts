import { ok, refuse, type Result } from "../core/result.ts";

/**
 * A kernel command line with what is known of the image in place of
 * placeholders: `{url}`, the image's directory at a provider, and
 * `{sha256:NAME}`, the digest of one of its files. Braces that mean nothing
 * here stay as they are.
 *
 * @param options `url`: without a slash at the end; `find`: the file that a
 * name stands for, as `artifactNamed()` says
 */
export function fillCmdline(
  cmdline: string,
  { url, find }: {
    readonly url: string;
    readonly find: (name: string) => { readonly sha256: string } | undefined;
  },
): Result<string> {
  const unknown: string[] = [];
  const text = cmdline.replaceAll(
    /\{(?:url|sha256:([^{}\s]+))\}/g,
    (placeholder, name: string | undefined) => {
      if (name === undefined) return url;
      const found = find(name);
      if (found === undefined) unknown.push(placeholder);
      return found?.sha256 ?? placeholder;
    },
  );
  return unknown.length === 0
    ? ok(text)
    : refuse(`it holds ${unknown[0]}, and no file of the image is called so`);
}
