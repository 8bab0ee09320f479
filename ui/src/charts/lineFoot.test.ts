import { expect, test } from "vitest";

import type { Curve, Range } from "~/charts/curve";
import { curveOfPoints } from "~/charts/curve";
import { lineFoot } from "~/charts/lineFoot";

const foot = (curve: Curve, zoom: Range | null = null, isLog = false): string =>
  lineFoot({
    series: [{ id: "a", label: "a", color: "", dash: [], curve }],
    axis: "step",
    smoothing: 0,
    isLog,
    ignoresOutliers: false,
    showsPoints: false,
    zoom,
  });

test("what is in sight and not drawn is told", () => {
  const bucketed = { ...curveOfPoints([0, 10], [1, 2]), maxs: Float64Array.of(1, 5) };
  expect(foot(bucketed)).toBe("2 buckets, min and max of each are kept");
  expect(foot(bucketed, [0, 5])).toBe("");
  expect(foot(bucketed, [3, 5])).toBe("no points here");
  expect(foot(curveOfPoints([0, 1], [NaN, -Infinity]), null, true)).toBe(
    "1 NaN (×) · infinite (▲) · 0 and below left out",
  );
});
