import { expect, test } from "vitest";

import type { Curve } from "~/charts/curve";
import { curveOfPoints } from "~/charts/curve";
import { lineId } from "~/features/charts/lines/lines";
import { seriesOfGroups, seriesOfRuns } from "~/features/charts/lines/series";
import type { ShownRun } from "~/features/charts/panel";

const run = (id: string, group: string | null = null): ShownRun => ({
  id,
  name: `workspaces/w/runs/${id}`,
  displayName: `run ${id}`,
  color: id,
  dash: [1],
  group,
  isRunning: false,
  startTime: 0,
  params: {},
  metrics: new Map(),
  tags: {},
});

const read = (key: string, values: Readonly<Record<string, number>>): readonly [string, ReadonlyMap<string, Curve>] => [
  lineId(key, null),
  new Map(Object.entries(values).map(([id, value]) => [run(id).name, curveOfPoints([0], [value])])),
];

test("each run that has points has a line in its colour, named by the metric too where there are several", () => {
  const curves = new Map([
    read("loss", { a: 1, b: 2 }),
    read("acc", { b: 3 }),
    [lineId("none", null), new Map([[run("a").name, curveOfPoints([], [])]])] as const,
  ]);
  const of = (metrics: readonly string[]): unknown[] =>
    seriesOfRuns([run("a"), run("b")], metrics, curves).map(({ label, owner, color, dash }) => [
      label,
      owner,
      color,
      dash,
    ]);
  expect(of(["loss"])).toEqual([
    ["run a", "a", "a", [1]],
    ["run b", "b", "b", [1]],
  ]);
  expect(of(["loss", "acc", "none"])).toEqual([
    ["run a, loss", "a", "a", []],
    ["run b, loss", "b", "b", []],
    ["run b, acc", "b", "b", [6, 3]],
  ]);
});

test("a group is the mean of its runs with their range, and owns no run", () => {
  const curves = new Map([read("loss", { a: 1, b: 3, c: 7 })]);
  const found = seriesOfGroups([run("a", "x"), run("b", "x"), run("c", "y"), run("d", "y")], ["loss"], curves, null);
  expect(found.map(({ label, owner, color }) => [label, owner, color])).toEqual([
    ["x (2 runs)", undefined, "a"],
    ["y (1 run)", undefined, "c"],
  ]);
  expect([found[0]?.curve.mins[0], found[0]?.band?.mins[0], found[0]?.band?.maxs[0]]).toEqual([2, 1, 3]);
});
