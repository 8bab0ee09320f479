import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { CompareRunsResponseSchema } from "~/api/gen/trivet/tracking/v1/tracking_service_pb";
import { rowOf, runRows, signatureRows, tagRows } from "~/features/models/comparison";

test("values differ where one is another, or missing", () => {
  expect(rowOf("a", ["x", "x"]).differs).toBe(false);
  expect(rowOf("a", ["x", null]).differs).toBe(true);
  expect(rowOf("a", [Number.NaN, Number.NaN]).differs).toBe(false);
  expect(rowOf("a", [1, 2]).differs).toBe(true);
});

test("tags stand beside each other by key", () => {
  expect(tagRows([{ tags: { b: "1" } }, { tags: { a: "2", b: "1" } }])).toEqual([
    { key: "a", values: [null, "2"], differs: true },
    { key: "b", values: ["1", "1"], differs: false },
  ]);
});

test("columns of signatures stand beside each other by name, in the order of the model", () => {
  const one = '[{"type":"double","name":"z"},{"type":"long","name":"a"}]';
  const other = '[{"type":"double","name":"z"},{"type":"long","name":"a","required":false}]';
  expect(signatureRows([one, other, ""]).map(({ key, values }) => [key, values])).toEqual([
    ["z", ["double", "double", null]],
    ["a", ["long", "long, optional", null]],
  ]);
  expect(signatureRows(['[{"type":"long"}]']).map((row) => row.key)).toEqual(["#1"]);
});

test("a run may have made several versions, and a version no run", () => {
  const compared = create(CompareRunsResponseSchema, {
    params: [{ key: "alpha", runs: [0, 1], values: ["1", "2"] }],
    metrics: [{ key: "rmse", runs: [1], values: [0.5] }],
  });
  expect(runRows(compared, "params", [1, 1, -1, 0])[0]?.values).toEqual(["2", "2", null, "1"]);
  expect(runRows(compared, "metrics", [0, 1])[0]?.values).toEqual([null, 0.5]);
  expect(runRows(null, "params", [-1])).toEqual([]);
});
