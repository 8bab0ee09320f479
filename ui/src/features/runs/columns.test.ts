import { expect, test } from "vitest";

import { columnOf, columnsOf, defaultColumns, movedColumn, readingOf } from "~/features/runs/columns";

test.each([
  ["metric:loss", "metrics.loss"],
  ["min:train/loss", "metrics.train/loss.min"],
  ["max:a b", "metrics.`a b`.max"],
  ["metric:loss.max", "metrics.`loss.max`"],
  ["param:a`b", 'params."a`b"'],
  ["tag:a:b", "tags.`a:b`"],
  ["created", "start_time"],
  ["datasets", null],
])("%s is sorted by %s", (id, name) => {
  expect(columnOf(id)?.orderName).toBe(name);
});

test.each(["", "never", "metric:", ":loss", "constructor", "toString:a"])("%s is no column", (id) => {
  expect(columnOf(id)).toBeNull();
});

test("columns stand by group, each once, and the name is always there", () => {
  const ids = columnsOf(["param:lr", "metric:loss", "status", "metric:loss", "name", "min:loss"]).map(({ id }) => id);
  expect(ids).toEqual(["status", "metric:loss", "min:loss", "param:lr"]);
});

test("only what is shown is read", () => {
  const { fields, metricKeys, paramKeys, tagKeys } = readingOf(columnsOf(["metric:a", "min:a", "tag:t", "datasets"]));
  expect({ metricKeys, paramKeys, tagKeys }).toEqual({ metricKeys: ["a"], paramKeys: [], tagKeys: ["t"] });
  expect(fields).toEqual(expect.arrayContaining(["name", "metrics", "tags", "inputs"]));
  expect(fields).not.toContain("params");
  expect(fields).not.toContain("outputs");
});

test.each([
  ["metric:a", 1, ["status", "metric:b", "metric:a", "param:p"]],
  ["metric:b", -1, ["status", "metric:b", "metric:a", "param:p"]],
  ["metric:b", 5, ["status", "metric:a", "metric:b", "param:p"]],
  ["never", 1, ["status", "metric:a", "metric:b", "param:p"]],
])("%s moved by %d stays in its group", (id, by, moved) => {
  expect(movedColumn(["status", "metric:a", "metric:b", "param:p"], id, by)).toEqual(moved);
});

test("what machines did is not shown at first", () => {
  expect(defaultColumns(["loss", "system/cpu"], [], false)).not.toContain("metric:system/cpu");
  expect(defaultColumns([], [], true)[0]).toBe("experiment");
});
