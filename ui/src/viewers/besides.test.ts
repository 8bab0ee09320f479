import { expect, test } from "vitest";

import { besides } from "~/viewers/besides";

test.each([
  ["docs/a.md", "plot.png", "docs/plot.png"],
  ["docs/a.md", "./plots/x%20y.png?raw=1", "docs/plots/x y.png"],
  ["docs/a.md", "../plot.png", "plot.png"],
  ["a.md", "../plot.png", null],
  ["a.md", "https://elsewhere.example/plot.png", null],
  ["a.md", "//elsewhere.example/plot.png", null],
  ["a.md", "/plot.png", null],
  ["a.md", "javascript:alert(1)", null],
  ["a.md", "100%.png", "100%.png"],
])("from %s, %s is %s", (path, reference, found) => {
  expect(besides(path, reference)).toBe(found);
});
