import type { Rules } from "./modules.ts";

const MAX_FILE_LINES = 400;

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/**
 * A function is a screen, 60 lines in lib and 80 in tests, and a file is 400:
 * what is longer is two things. Comments within count, as a reader reads them;
 * doc comments above a function do not.
 */
export const size: Rules = {
  "short-functions": {
    create(context) {
      const filename = context.filename.replaceAll("\\", "/");
      const max = filename.includes("/tests/") ? 80 : 60;
      const check = (node: FunctionNode) => {
        const lines = context.sourceCode.getText(node).split("\n").length;
        if (lines <= max) return;
        context.report({
          node,
          message: `A function of ${lines} lines`,
          hint: `At most ${max}: split what it decides from what it does`,
        });
      };
      return {
        FunctionDeclaration: check,
        FunctionExpression: check,
        ArrowFunctionExpression: check,
      };
    },
  },
  "short-files": {
    create(context) {
      return {
        Program(node) {
          const lines = context.sourceCode.text.trimEnd().split("\n").length;
          if (lines <= MAX_FILE_LINES) return;
          context.report({
            node,
            message: `A file of ${lines} lines`,
            hint: `At most ${MAX_FILE_LINES}: one file per idea`,
          });
        },
      };
    },
  },
};
