import { pathBelowLib, type Rules } from "./modules.ts";

type Expression = Deno.lint.Expression;

/** One way to write what can be written in several. */
export const words: Rules = {
  "optional-member": {
    create(context) {
      return {
        SpreadElement(node) {
          if (!isOptionalMember(node.argument)) return;
          context.report({
            node,
            message: "An optional member in another way than elsewhere",
            hint: "...x !== undefined && { x }",
          });
        },
      };
    },
  },
  "plain-words": {
    create(context) {
      const self = pathBelowLib(context.filename);
      // What says how not to write has to write it.
      if (context.filename.includes("/tests/tools/lint/")) return {};
      return {
        Program(node) {
          const { text } = context.sourceCode;
          for (const { index } of text.matchAll(/\bwho(?:so)?ever\b/gi)) {
            context.report({
              range: [index, index + 7],
              message: '"whoever" is a riddle',
              hint: "Name the one who is meant: the client, the provider",
            });
          }
          if (
            /(?:^|[/_])(?:utils?|helpers?|misc)(?:_|\.ts$)/.test(self ?? "")
          ) {
            context.report({
              node,
              message: `"${self}" says nothing of what it holds`,
              hint: "Name a file after its main export",
            });
          }
        },
        FunctionDeclaration(node) {
          if (self === undefined || node.id?.name !== "describe") return;
          context.report({
            node,
            message: "describe() says nothing of what it returns",
            hint: "Name it after that: statusLines(), artifactJson()",
          });
        },
      };
    },
  },
  "documented": {
    create(context) {
      if (pathBelowLib(context.filename) === undefined) return {};
      return {
        ExportNamedDeclaration(node) {
          const { sourceCode } = context;
          const before = sourceCode.text.slice(0, node.range[0]).trimEnd();
          const comment = sourceCode.getCommentsBefore(node).at(-1);
          if (
            comment?.type === "Block" && comment.value.startsWith("*") &&
            comment.range[1] === before.length
          ) return;
          context.report({
            node,
            message: "An export without a doc comment",
            hint: "Say what it is, its units, what it throws",
          });
        },
      };
    },
  },
};

/** `x ? { x } : {}`, `x === undefined ? {} : { x }` and `x && { x }`. */
function isOptionalMember(argument: Expression): boolean {
  if (argument.type === "ConditionalExpression") {
    return [argument.consequent, argument.alternate].some((branch) =>
      branch.type === "ObjectExpression" && branch.properties.length === 0
    );
  }
  return argument.type === "LogicalExpression" && argument.operator === "&&" &&
    argument.right.type === "ObjectExpression" &&
    /^(Identifier|MemberExpression|ChainExpression)$/.test(argument.left.type);
}
