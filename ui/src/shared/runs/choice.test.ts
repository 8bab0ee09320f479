import { expect, test } from "vitest";

import { experimentIds, runsChoice } from "~/shared/runs/choice";

test("several experiments are shown once each", () => {
  expect(experimentIds("1", runsChoice({ and: 2 }).and)).toEqual(["1", "2"]);
  expect(experimentIds("1", "2, 1,x,2")).toEqual(["1", "2"]);
});
