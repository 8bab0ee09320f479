import { expect, test } from "vitest";

import type { ShownRun } from "~/features/charts/panel";
import { pathsOf, rowsAt, stepsIn, tableOf } from "~/features/charts/panels/tables/table";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

const tagged = (tag: string): ShownRun => ({
  id: "1",
  name: "workspaces/w/runs/1",
  displayName: "one",
  color: "",
  dash: [],
  group: null,
  isRunning: false,
  startTime: 0,
  params: {},
  metrics: new Map(),
  tags: { "mlflow.loggedArtifacts": tag },
});

test("a tag says which files are tables, and what else it may say is no harm", () => {
  const entries = [
    { path: "b.json", type: "table" },
    { path: "a10.json", type: "table" },
    { path: "x.png", type: "image" },
  ];
  const runs = [tagged(JSON.stringify(entries)), tagged('[{"path": "a9.json", "type": "table"}]')];
  expect(pathsOf([...runs, tagged("no JSON"), tagged("{}"), tagged("[1]")])).toEqual(["a9.json", "a10.json", "b.json"]);
});

test("tables are JSON as log_table writes it, or CSV", () => {
  const table = { columns: ["step", "text"], data: [[0, "a"]] };
  expect(tableOf("t.json", bytes(JSON.stringify(table)))).toEqual(table);
  expect(tableOf("t.csv", bytes("step,text\r\n0,a\r\n"))).toEqual({ columns: ["step", "text"], data: [["0", "a"]] });
  expect(tableOf("t.json", bytes("[]"))).toBeNull();
  expect(tableOf("t.json", bytes("{"))).toBeNull();
});

test("the rows of a step are those of the last one that is not after it", () => {
  const table = {
    columns: ["text", "epoch"],
    data: [
      ["a", 1],
      ["b", 3],
      ["c", 3],
    ],
  };
  expect(stepsIn(table)).toEqual([1, 3, 3]);
  expect(rowsAt(table, 2)).toEqual({ table: { columns: table.columns, data: [["a", 1]] }, step: 1 });
  expect(rowsAt(table, null).table.data).toHaveLength(2);
  expect(rowsAt(table, 0).table.data).toHaveLength(0);
  const without = { columns: ["text"], data: [["a"]] };
  expect(rowsAt(without, 2)).toEqual({ table: without, step: null });
});
