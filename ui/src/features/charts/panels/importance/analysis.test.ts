import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { ParamImportanceSchema } from "~/api/gen/trivet/tracking/v1/param_importance_pb";
import { analysisOf, NOTHING } from "~/features/charts/panels/importance/analysis";
import { basisOf } from "~/features/charts/panels/importance/said";

test("what a server leaves out is nothing, and not 0", () => {
  const found = create(ParamImportanceSchema, {
    runs: 7,
    notFiniteRuns: 1,
    sameParams: 2,
    leftOutParams: 3,
    findings: [
      { key: "lr", towards: "", correlation: { coefficient: 0, low: -0.5, high: 0.5, runs: 6 } },
      { key: "opt" },
    ],
  });
  expect(analysisOf(found)).toEqual({
    runs: 7,
    notFinite: 1,
    same: 2,
    leftOut: 3,
    explained: null,
    findings: [
      {
        key: "lr",
        importance: null,
        isAboveChance: false,
        correlation: { coefficient: 0, interval: [-0.5, 0.5], runs: 6 },
        towards: null,
      },
      { key: "opt", importance: null, isAboveChance: false, correlation: null, towards: null },
    ],
  });
  const importance = create(ParamImportanceSchema, {
    explained: 0,
    findings: [{ key: "on", importance: 0, aboveChance: true, towards: "yes" }],
  });
  expect(analysisOf(importance)).toMatchObject({
    explained: 0,
    findings: [{ importance: 0, isAboveChance: true, towards: "yes" }],
  });
});

test("what an answer is based on is said, and how far it can be trusted", () => {
  expect(basisOf(NOTHING, "loss")).toBe("Based on 0 runs with loss. Nothing can be said of fewer than 5 runs.");
  expect(basisOf({ ...NOTHING, runs: 9, notFinite: 1, same: 1, leftOut: 2 }, "loss")).toBe(
    "Based on 9 runs with loss. 1 with loss that is not finite is left out. 1 param is the same in all of them. " +
      "2 params are left out. Importance needs 10 runs.",
  );
  expect(basisOf({ ...NOTHING, runs: 20 }, "loss")).toContain("no importance where all runs are the same");
  expect(basisOf({ ...NOTHING, runs: 20, explained: 0.05 }, "loss")).toContain("do not rely on their importance");
  expect(basisOf({ ...NOTHING, runs: 20, explained: 0.625 }, "loss")).toContain("Together the params tell 63 %");
});
