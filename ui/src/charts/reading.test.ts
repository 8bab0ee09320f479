import { expect, test } from "vitest";

import { curveOfPoints } from "~/charts/curve";
import type { LineView } from "~/charts/lineLayout";
import { layoutOf } from "~/charts/lineLayout";
import { readingsAt, readingText, xText } from "~/charts/reading";

const SIZE = { width: 400, height: 200 };
const viewOf = (values: readonly number[], smoothing = 0): LineView => ({
  series: [{ id: "a", label: "loss", color: "#000", dash: [], curve: curveOfPoints([...values.keys()], values) }],
  axis: "step",
  smoothing,
  isLog: false,
  ignoresOutliers: false,
  showsPoints: false,
  zoom: null,
});

function textsAt(view: LineView, x: number): string[] {
  const layout = layoutOf(view, SIZE);
  return readingsAt(view, layout, x, null).map((reading) => readingText(reading, view, layout));
}

test("a spike among thousands of points is read where somebody points at its column", () => {
  const view = viewOf(Array.from({ length: 10_000 }, (_, step) => (step === 5003 ? 99 : 1)));
  const layout = layoutOf(view, SIZE);
  const pixel = Math.round(layout.x.at(5003));
  expect(textsAt(view, layout.x.valueAt(pixel))).toEqual(["1 … 99"]);
});

test("a smoothed line says its average, and what was logged", () => {
  const view = viewOf([4, 0, NaN], 0.5);
  expect([0, 1, 2].flatMap((step) => textsAt(view, step))).toEqual(["4 (4)", "1.333 (0)", "NaN (NaN)"]);
});

test("a mean says from where to where it is the mean of", () => {
  const view = viewOf([2, 3]);
  const [mean] = view.series;
  if (mean === undefined) throw new Error("there is a line");
  const band = { ...curveOfPoints([0, 1], [1, 2]), maxs: Float64Array.of(4, 5) };
  expect(textsAt({ ...view, series: [{ ...mean, band }] }, 1)).toEqual(["3 (2 … 5)"]);
});

test("the line nearest to the pointer comes first", () => {
  const [low] = viewOf([0, 0]).series;
  const [high] = viewOf([9, 9]).series;
  if (low === undefined || high === undefined) throw new Error("there are lines");
  const view = { ...viewOf([]), series: [low, { ...high, id: "b", label: "acc" }] };
  const layout = layoutOf(view, SIZE);
  const labels = (pixel: number): string[] => readingsAt(view, layout, 0, pixel).map((each) => each.series.label);
  expect([labels(layout.plot.top), labels(layout.plot.bottom)]).toEqual([
    ["acc", "loss"],
    ["loss", "acc"],
  ]);
});

test("places on the axis in words", () => {
  expect([xText("step", 1234.2), xText("relative", 65_000)]).toEqual(["step 1,234", "after 1 min 5 s"]);
});
