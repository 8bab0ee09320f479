import hljs from "highlight.js/lib/core";
import python from "highlight.js/lib/languages/python";
import { expect, test } from "vitest";

import { linesOf, plainLines } from "~/viewers/tokens";

hljs.registerLanguage("python", python);

const CODE =
  'def f(x: "<b>&\'") -> None:\r\n    """one\n    <script>two</script>&amp;\n    """\n\n    return x < 1 & 2\n';

test("the lines of highlighted code are those of the code, without its markup", () => {
  const lines = linesOf(hljs.highlight(CODE, { language: "python" }).value);
  expect(lines.map((line) => line.tokens.map((token) => token.text).join(""))).toEqual(CODE.split(/\r?\n/));
  expect(
    lines
      .flatMap((line) => line.tokens)
      .some((token) => token.className.includes("hljs-keyword") && token.text === "return"),
  ).toBe(true);
  expect(lines[2]?.tokens.every((token) => token.className.includes("hljs-string"))).toBe(true);
});

test("plain lines", () => {
  expect(plainLines("a\r\nb\n").map((line) => [line.number, line.tokens[0]?.text])).toEqual([
    [1, "a"],
    [2, "b"],
    [3, ""],
  ]);
});
