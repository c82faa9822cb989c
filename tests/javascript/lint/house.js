/* Rules of `deno lint`: no function is longer than 60 lines, and no template literal stands in
   another one, whose spaces rjsmin would take away. deno.json names this file. */

const LONGEST = 60;

function checkLength(context) {
  return (node) => {
    const lines = context.sourceCode.getText(node).split("\n").length;
    if (lines > LONGEST) {
      context.report({ node, message: `A function of ${lines} lines; ${LONGEST} is the most.` });
    }
  };
}

export default {
  name: "house",
  rules: {
    "short-functions": {
      create(context) {
        const visit = checkLength(context);
        return {
          FunctionDeclaration: visit,
          FunctionExpression: visit,
          ArrowFunctionExpression: visit,
        };
      },
    },
    "flat-templates": {
      create(context) {
        return {
          "TemplateLiteral TemplateLiteral"(node) {
            context.report({ node, message: "A template literal within another one." });
          },
        };
      },
    },
  },
};
