/**
 * A pattern of paths: `*` and `?` stand for characters of one name, `**` for
 * any number of directories and, at the end, for all that is in them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { pathPattern } from "./path_pattern.ts";
 * assert.ok(pathPattern("dtbs/**").test("dtbs/rockchip/rk3588.dtb"));
 * assert.ok(!pathPattern("*.img").test("a/b.img"));
 * ```
 */
export function pathPattern(pattern: string): RegExp {
  const parts = pattern.split("/");
  const source = parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    if (part === "**") return isLast ? ".+" : "(?:[^/]+/)*";
    // Two stars within a name are one: the other would only cost time.
    const name = part.replaceAll(/\*+/g, "*")
      .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", "[^/]*").replaceAll("?", "[^/]");
    return isLast ? name : `${name}/`;
  });
  return new RegExp(`^${source.join("")}$`, "u");
}
