/**
 * What the house asks of its code beyond Deno's own rules, as a plugin of
 * `deno lint`: ARCHITECTURE.md and CONTRIBUTING.md say it in words.
 */

import { layers } from "./layers.ts";
import { owners } from "./owners.ts";
import { refusedPaths } from "./refused_paths.ts";
import { shells } from "./shells.ts";
import { size } from "./size.ts";
import { time } from "./time.ts";
import { words } from "./words.ts";

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    ...layers,
    ...owners,
    ...refusedPaths,
    ...shells,
    ...size,
    ...time,
    ...words,
  },
};
export default plugin;
