import { pathBelowLib, type Rules } from "./modules.ts";

/**
 * A path, or the beginning of one, that Deno lets nobody open without
 * `--allow-all`: in a program that is shipped it is there in tests only.
 */
const REFUSED_PATH =
  /(?:^|[\s'"=:]|^file:\/\/)\/+(?:proc|sys|dev)(?:\/|$)|^(?:proc|sys|dev)\//;

/** `doctor` uses more where it is allowed, and says what it could not look at. */
const DOCTOR = /(?:^|\/)doctor(?:_[a-z0-9_]+)?(?:\.ts$|\/)/;

/** Nothing is read that the shipped permissions refuse. */
export const refusedPaths: Rules = {
  "no-refused-paths": {
    create(context) {
      const self = pathBelowLib(context.filename);
      if (self === undefined || DOCTOR.test(self)) return {};
      const check = (node: Deno.lint.Node, text: unknown) => {
        if (typeof text !== "string" || !REFUSED_PATH.test(text)) return;
        context.report({
          node,
          message: `"${self}" names "${text}"`,
          hint: "Deno refuses /proc, /sys and /dev with the permissions " +
            "that users give: ask a socket, stat or the environment",
        });
      };
      return {
        Literal: (node) => check(node, node.value),
        TemplateElement: (node) => check(node, node.cooked),
      };
    },
  },
};
