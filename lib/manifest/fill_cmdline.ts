import { ok, refuse, type Result } from "../core/result.ts";

/**
 * Replaces the placeholders of a kernel command line: `{url}` by the URL of the
 * image's directory at a provider, `{sha256:NAME}` by the digest of one of its
 * files. Any other braces stay as they are.
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
    : refuse(`it holds ${unknown[0]}, and the image has no such file`);
}
