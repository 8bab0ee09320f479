import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { RunSchema } from "~/api/gen/trivet/tracking/v1/run_pb";
import { bestOf, guessedBest } from "~/features/compare/best";
import type { Comparison } from "~/features/compare/comparison";
import { compared, only } from "~/features/compare/comparison";
import { csvOf, markdownOf } from "~/features/compare/copy";
import { axesAtFirst, dimensionsOf } from "~/features/compare/dimensions";
import { linesOf, nameOf, shownIn } from "~/features/compare/rows";
import { compareSearch } from "~/features/compare/search";

const run = (id: string, params: Record<string, string>, loss: number | null, tags: Record<string, string> = {}) =>
  create(RunSchema, {
    name: `workspaces/w/runs/${id}`,
    experiment: "workspaces/w/experiments/1",
    displayName: `run ${id}`,
    params,
    tags,
    metrics: loss === null ? [] : [{ key: "loss", value: loss, min: loss / 2, max: loss * 2, step: 7n }],
  });

const sample = (): Comparison =>
  compared(
    ["b", "a", "gone", "c"],
    [
      run("a", { lr: "0.1", model: "xgb" }, 0.5, { team: "blue", "mlflow.user": "x" }),
      run("b", { lr: "0.01", model: "xgb" }, NaN),
      run("c", { model: "xgb", note: 'a|b\n"c"' }, 0.25),
    ],
  );

const found = (comparison: Comparison, kind: "params" | "attributes" | "tags", key: string) =>
  comparison[kind].find((row) => row.key === key);

const names = (search: Parameters<typeof linesOf>[1]): string[] =>
  linesOf(sample(), search).flatMap((line) => (line.kind === "heading" ? [] : [nameOf(line)]));

test("runs are put side by side in the order asked for, and missing ones are named", () => {
  const comparison = sample();
  expect(comparison.runs.map((each) => each.id)).toEqual(["b", "a", "c"]);
  expect(comparison.missing).toEqual(["gone"]);
  expect(found(comparison, "params", "lr")).toMatchObject({ values: ["0.01", "0.1", null], differs: true });
  expect(found(comparison, "params", "model")).toMatchObject({ differs: false });
  expect(comparison.metrics[0]).toMatchObject({ last: [NaN, 0.5, 0.25], min: [NaN, 0.25, 0.125], step: [7, 7, 7] });
  expect(comparison.tags.map((row) => row.key)).toEqual(["team"]);
});

test("what differs among some runs is found among them alone, and NaN is the same as NaN", () => {
  expect(found(only(sample(), [2]), "params", "lr")?.differs).toBe(false);
  const twice = compared(["a", "b"], [run("a", {}, NaN), run("b", {}, NaN)]);
  expect(twice.metrics[0]?.differs).toBe(false);
});

test("only what differs is shown where it is asked for, and keys are searched", () => {
  expect(names({})).toContain("model");
  expect(names({ diff: true })).not.toContain("model");
  expect(names({ q: "LR" })).toEqual(["lr"]);
  expect(names({ q: "loss", stats: true })).toEqual(["loss", "loss, min", "loss, max", "loss, step"]);
});

test("the best value is the smallest of a loss and the largest of an accuracy, unless the URL says otherwise", () => {
  expect([guessedBest("val/loss"), guessedBest("accuracy"), guessedBest("RMSE"), guessedBest("confidence")]).toEqual([
    "min",
    "max",
    "min",
    "max",
  ]);
  expect([bestOf([3, NaN, 1, null], "min"), bestOf([3, 1], "max"), bestOf([2, 2], "max")]).toEqual([1, 3, null]);
  const line = linesOf(sample(), { best: { loss: "max" } }).find((each) => each.kind === "numbers");
  expect(line).toMatchObject({ bestValue: 0.5 });
  expect(line && shownIn(line, 0)).toBe("NaN");
});

test("tables are copied with what would break their cells escaped", () => {
  const { runs } = sample();
  const lines = linesOf(sample(), { q: "note" });
  expect(csvOf(runs, lines)).toBe('kind,key,run b,run a,run c\r\nparam,note,,,"a|b\n""c"""');
  expect(markdownOf(runs, lines)).toBe(
    '| kind | key | run b | run a | run c |\n| --- | --- | --- | --- | --- |\n| param | note |  |  | a\\|b "c" |',
  );
});

test("axes are at first the params that differ, and the metrics", () => {
  expect(axesAtFirst(sample())).toEqual(["params.lr", "params.note", "metrics.loss"]);
  expect(axesAtFirst(only(sample(), [0]))).toEqual(["params.lr", "params.model", "params.note", "metrics.loss"]);
  expect(dimensionsOf(sample()).flatMap((group) => group.dimensions.map((each) => each.id))).toEqual([
    "params.lr",
    "params.model",
    "params.note",
    "metrics.loss",
    "min.loss",
    "max.loss",
    "run.duration",
  ]);
});

test("of a URL, what is understood counts", () => {
  expect(compareSearch({ runs: ["a", "b", "a", 7, ""], plot: "box", diff: true, best: { loss: "min", x: 3 } })).toEqual(
    {
      runs: ["a", "b"],
      plot: "box",
      diff: true,
      best: { loss: "min" },
    },
  );
  expect(compareSearch({ runs: "a, b" })).toEqual({ runs: ["a", "b"] });
  const nonsense = compareSearch({ runs: 3, plot: "pie", axes: "x", log: [], brushes: [] });
  expect(nonsense).toEqual({});
  expect(Object.keys(nonsense)).toContain("plot");
});
