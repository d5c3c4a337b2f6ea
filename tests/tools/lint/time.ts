import { pathBelowLib, type Rules } from "./modules.ts";

const CLOCKS =
  /^(Date\.now|performance\.now|setTimeout|setInterval|AbortSignal\.timeout)$/;

/** Time comes from the clock that is passed in. */
export const time: Rules = {
  "injected-time": {
    create(context) {
      const self = pathBelowLib(context.filename);
      if (self === undefined || self === "core/clock.ts") return {};
      return {
        CallExpression(node) {
          const text = context.sourceCode.getText(node.callee);
          if (!CLOCKS.test(text)) return;
          context.report({
            node,
            message: `"${self}" calls ${text}()`,
            hint: "Use the Clock that is passed in",
          });
        },
      };
    },
  },
};
