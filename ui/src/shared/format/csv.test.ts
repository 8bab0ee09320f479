import { expect, test } from "vitest";

import { csvLine } from "~/shared/format/csv";

test.each([
  ["plain", "plain"],
  ["-0.5", "-0.5"],
  ["+1e-3", "+1e-3"],
  ["-Infinity", "-Infinity"],
  ["=1+1", "'=1+1"],
  ["-1+2", "'-1+2"],
  ["@sum(a)", "'@sum(a)"],
  ["+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"],
  ["\t=1", "'\t=1"],
  ['say "a, b"', '"say ""a, b"""'],
  ["two\nlines", '"two\nlines"'],
])("%j becomes %j", (text, cell) => {
  expect(csvLine([text])).toBe(`${cell}\r\n`);
});
