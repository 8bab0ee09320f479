import { expect, test } from "vitest";

import { parseDelimited, separatorOf } from "~/viewers/delimited";

test.each([
  [
    "a,b\n1,2\n",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  [
    "a,b\r\n1,2",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  ['x\n"a, ""b""\nc"', [["x"], ['a, "b"\nc']]],
  ['"a"b,c', [["ab", "c"]]],
  [
    "a,\n,",
    [
      ["a", ""],
      ["", ""],
    ],
  ],
  ["\ufeffa\n\n1\n", [["a"], ["1"]]],
  ['"open', [["open"]]],
  ["", []],
])("%j", (text, rows) => {
  expect(parseDelimited(text, ",", true)).toEqual(rows);
});

test("the last row of a part is left out, for it may be cut", () => {
  expect(parseDelimited("a,b\n1,2\n3,", ",", false)).toEqual([
    ["a", "b"],
    ["1", "2"],
  ]);
  expect(parseDelimited('a,b\n1,"2\n3,4', ",", false)).toEqual([["a", "b"]]);
  expect(parseDelimited("a,b\n1,2\n", ",", false)).toEqual([
    ["a", "b"],
    ["1", "2"],
  ]);
});

test.each([
  ["a,b;c,d", "csv", ","],
  ["a;b;c", "csv", ";"],
  ["a\tb", "csv", "\t"],
  ['"a;b;c",d\n', "csv", ","],
  ["a,b", "tsv", "\t"],
])("%j is separated", (text, suffix, separator) => {
  expect(separatorOf(text, suffix)).toBe(separator);
});
