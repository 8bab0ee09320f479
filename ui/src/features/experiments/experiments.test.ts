import { expect, test } from "vitest";

import { firstLine } from "~/features/experiments/firstLine";
import { experimentsSearch } from "~/features/experiments/search";

test.each([
  ["", ""],
  ["\n\n# Taxi **rides**\nhourly", "Taxi rides"],
  ["- see [the paper](https://example.org/x) of `resnet`", "see the paper of resnet"],
  ["snake_case * 2", "snake_case * 2"],
])("the first line of %j is %j", (text, line) => {
  expect(firstLine(text)).toBe(line);
});

test("a query string keeps what is understood", () => {
  expect(experimentsSearch({ selected: [3, "12", "x"], q: "", order: "nobody" })).toEqual({ selected: ["3", "12"] });
  expect(experimentsSearch({ order: "name", selected: "3" })).toEqual({ order: "name", desc: false });
});
