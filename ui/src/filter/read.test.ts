import { expect, test } from "vitest";

import { positionOf } from "~/filter/faults";
import { readFilter } from "~/filter/read";

interface Shared {
  readonly acceptedByMlflow: readonly string[];
  readonly acceptedByUsAlone: readonly string[];
  readonly accepted: readonly string[];
  readonly refused: readonly { readonly filter: string; readonly position: number; readonly problem: string }[];
}

const files = import.meta.glob<string>(
  ["../../../docs/search.md", "../../../services/tracking/tests/search/filters.json"],
  { eager: true, query: "?raw", import: "default" },
);
const fileNamed = (name: string): string => Object.entries(files).find(([path]) => path.endsWith(name))?.[1] ?? "";

// The server's own tests have these cases, too: services/tracking/tests/search/test_filter.py.
const shared: Shared = JSON.parse(fileNamed("filters.json"));
const documented = Array.from(
  fileNamed("search.md").matchAll(/^(?!\||ORDER BY)(.+\S)\s+->.*$/gm),
  (found) => found[1] ?? "",
);

test.each([...shared.acceptedByMlflow, ...shared.acceptedByUsAlone, ...shared.accepted])("%j is taken", (text) => {
  expect(readFilter(text).fault).toBeNull();
});

test("the examples of the documentation are taken", () => {
  expect(documented.length).toBeGreaterThan(30);
  expect(documented.filter((text) => readFilter(text).fault !== null)).toEqual([]);
});

test.each(shared.refused)("$filter is refused as by the server", ({ filter, position, problem }) => {
  const { fault } = readFilter(filter);
  expect(fault?.problem).toBe(problem);
  expect(positionOf(filter, fault?.offset ?? -1)).toBe(position);
});

test.each(["(", "NOT ", "'", "metrics.a > 1 AND ", "a."])("much of %j is read without running out of stack", (part) => {
  expect(readFilter(part.repeat(60_000 / part.length)).fault).not.toBeNull();
});
