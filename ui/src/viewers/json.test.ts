import { expect, test } from "vitest";

import { partsOf, tableIn } from "~/viewers/json";
import { valueText } from "~/viewers/values";

test("a table of log_table is one, other objects are not", () => {
  expect(tableIn({ columns: ["a"], data: [[1], [2]] })).toEqual({ columns: ["a"], data: [[1], [2]] });
  expect([tableIn({ columns: ["a"], data: [1] }), tableIn([]), tableIn({ columns: [1], data: [] })]).toEqual([
    null,
    null,
    null,
  ]);
});

test("parts", () => {
  expect(partsOf([true, null])).toEqual([
    ["0", true],
    ["1", null],
  ]);
  expect([partsOf("text"), partsOf(null), partsOf(1n)]).toEqual([null, null, null]);
});

test.each([
  [null, null],
  [1n, "1"],
  [new Date(0), "1970-01-01T00:00:00.000Z"],
  [{ a: [1n, new Uint8Array(3)] }, '{"a":[1,"3 bytes"]}'],
  [new Float32Array([1, 2]), "[1,2]"],
])("%s is %s in a table", (value, text) => {
  expect(valueText(value)).toBe(text);
});
