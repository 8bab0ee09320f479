import { expect, test } from "vitest";

import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import { itemsOf } from "~/features/runs/items";
import type { RunsPage } from "~/features/runs/queries";
import type { RunRow } from "~/features/runs/rows";
import { settled } from "~/features/runs/settle";

const row = (id: string, start: number, more: Partial<RunRow> = {}): RunRow => ({
  id,
  name: `workspaces/w/runs/${id}`,
  experiment: "1",
  displayName: id,
  status: RunStatus.FINISHED,
  isStale: false,
  isDeleted: false,
  start,
  end: null,
  written: null,
  parent: "",
  user: "",
  source: "",
  commit: "",
  createdBy: "",
  datasets: [],
  models: [],
  metrics: new Map(),
  params: {},
  tags: {},
  ...more,
});
const more = { token: "t", filter: "", size: 100 };
const pages: readonly RunsPage[] = [
  { rows: [row("e", 5), row("d", 4)], next: more },
  { rows: [row("b", 2)], next: more },
];
const ids = (all: readonly RunsPage[]): string[][] => all.map((page) => page.rows.map(({ id }) => id));

test("a run that passes no more is gone, and one that does stands where it stood", () => {
  const after = settled(pages, new Set(["e", "b"]), [row("b", 2, { displayName: "new" })], true);
  expect(ids(after.pages)).toEqual([["d"], ["b"]]);
  expect(after.pages[1]?.rows[0]?.displayName).toBe("new");
  expect(after.isOther).toBe(true);
});

test("new runs come in where the newest stand first, but not where nothing was read yet", () => {
  const asked = new Set(["f", "c", "a"]);
  const after = settled(pages, asked, [row("a", 1), row("c", 3), row("f", 6)], true);
  expect(ids(after.pages)).toEqual([
    ["f", "e", "d"],
    ["c", "b"],
  ]);
  const [first, last] = pages;
  const whole = [...(first === undefined ? [] : [first]), ...(last === undefined ? [] : [{ ...last, next: null }])];
  expect(ids(settled(whole, asked, [row("a", 1)], true).pages)).toEqual([
    ["e", "d"],
    ["b", "a"],
  ]);
});

test("in another order, new runs wait", () => {
  const after = settled(pages, new Set(["f", "d"]), [row("f", 6), row("d", 4)], false);
  expect(ids(after.pages)).toEqual(ids(pages));
  expect(after).toMatchObject({ waiting: ["f"], isOther: false });
});

test("nested runs stand below their parents, also in a circle", () => {
  const nested = new Map([
    ["a", [row("b", 2)]],
    ["b", [row("a", 1)]],
  ]);
  const items = itemsOf([row("a", 1), row("c", 3)], new Set(["a", "b"]), new Set(["a", "b"]), nested);
  expect(items.map(({ row, depth }) => [row.id, depth])).toEqual([
    ["a", 0],
    ["b", 1],
    ["c", 0],
  ]);
});
