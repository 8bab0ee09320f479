import { expect, test } from "vitest";

import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import type { FoundRun } from "~/features/charts/runs";
import { colored, namesOfGroups } from "~/features/charts/runs";

const run = (id: string, more: Partial<FoundRun> = {}): FoundRun => ({
  id,
  name: `workspaces/w/runs/${id}`,
  displayName: id,
  status: RunStatus.FINISHED,
  isRunning: false,
  user: "",
  startTime: 0,
  params: {},
  metrics: new Map(),
  tags: {},
  ...more,
});

test("runs that share a colour differ in their dashes, and a chosen colour counts", () => {
  const runs = Array.from({ length: 40 }, (_, place) => run(`run ${place}`));
  const lines = colored(runs, undefined, new Map());
  expect(new Set(lines.map(({ color, dash }) => `${color} ${dash.join()}`)).size).toBe(40);
  expect(colored(runs, undefined, new Map([["run 3", "#123456"]]))[3]?.color).toBe("#123456");
});

test("a thousand lines have no dashes", () => {
  const runs = Array.from({ length: 1000 }, (_, place) => run(`run ${place}`));
  expect(colored(runs, undefined, new Map()).every(({ dash }) => dash.length === 0)).toBe(true);
});

test("runs of a group have its colour", () => {
  const runs = [run("a", { params: { lr: "0.1" } }), run("b"), run("c", { params: { lr: "0.1" } })];
  const [a, b, c] = colored(runs, "param:lr", new Map([["a", "#123456"]]));
  expect([a?.group, b?.group, c?.group]).toEqual(["0.1", "none", "0.1"]);
  expect(a?.color).toBe(c?.color);
  expect(a?.color).not.toBe(b?.color);
  expect(colored([run("a", { user: "u" })], "user", new Map())[0]?.group).toBe("u");
  expect(colored([run("a", { tags: { t: "v" } })], "tag:t", new Map())[0]?.group).toBe("v");
  expect(colored([run("a")], "status", new Map())[0]?.group).toBe("finished");
});

test("groups are sorted as numbers where they are, and those without a value come last", () => {
  expect(namesOfGroups(["none", "10", "9", "adam", "9"])).toEqual(["9", "10", "adam", "none"]);
});
