import { expect, test } from "vitest";

import { lastWritten, plain, spansOf } from "~/features/run/ansi";

test("colours are those of the terminal", () => {
  expect(
    spansOf("a\u001b[1;31mb\u001b[0mc\u001b[92md\u001b[38;5;4me\u001b[38;2;1;2;3mf\u001b[m").map(
      ({ text, color, isBold }) => ({ text, color, isBold }),
    ),
  ).toEqual([
    { text: "a", color: null, isBold: false },
    { text: "b", color: "red", isBold: true },
    { text: "c", color: null, isBold: false },
    { text: "d", color: "green", isBold: false },
    { text: "e", color: "blue", isBold: false },
    { text: "f", color: null, isBold: false },
  ]);
});

test("what else terminals do is left out", () => {
  expect(plain("\u001b[2Ka\u001b]0;title\u0007b\u001b]8;;http://x\u001b\\c\u001b(Bd\u0008\te")).toBe("abcd\te");
  expect(spansOf("")).toEqual([]);
});

test.each([
  ["10 %\r20 %\r30 %", "30 %"],
  ["\r40 %", "40 %"],
  ["50 %\r", "50 %"],
  ["plain", "plain"],
])("of %j the last is seen", (line, seen) => {
  expect(lastWritten(line)).toBe(seen);
});
