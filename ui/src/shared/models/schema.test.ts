import { expect, test } from "vitest";

import { columnsOf } from "~/shared/models/schema";

test("columns have a name, a type, and whether they are needed", () => {
  expect(columnsOf('[{"type": "double", "name": "x"}, {"type": "long", "required": false}]')).toEqual([
    { name: "x", type: "double", isRequired: true, defaultValue: "" },
    { name: "", type: "long", isRequired: false, defaultValue: "" },
  ]);
});

test("what has a default is not needed", () => {
  expect(columnsOf('[{"name": "temperature", "type": "float", "default": 0.5, "shape": null}]')).toEqual([
    { name: "temperature", type: "float", isRequired: false, defaultValue: "0.5" },
  ]);
});

test.each([
  ['{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}', "tensor float32 (-1, 3)"],
  ['{"type": "array", "items": {"type": "string"}}', "array of string"],
  ['{"type": "object", "properties": {"a": {"type": "map", "values": {"type": "long"}}}}', "{a: map of long}"],
  ["{}", "any"],
  ["5", "any"],
])("%s is of the type %s", (column, type) => {
  expect(columnsOf(`[${column}]`)?.map((each) => each.type)).toEqual([type]);
});

test("nothing has no columns, and another form is told", () => {
  expect(columnsOf("")).toEqual([]);
  expect(columnsOf("{}")).toBeNull();
  expect(columnsOf("[")).toBeNull();
});
