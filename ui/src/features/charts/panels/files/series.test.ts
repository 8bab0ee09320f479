import { expect, test } from "vitest";

import { atStep, seriesIn, stepsOf } from "~/features/charts/panels/files/series";

const ID = "1f2e3d4c";

test("names say the key, the step and the time, and the last of a step counts", () => {
  const series = seriesIn([
    `images/val#samples+step+10+timestamp+2000+${ID}.png`,
    `images/val#samples+step+2+timestamp+1000+${ID}.png`,
    `images/val#samples+step+2+timestamp+1500+${ID}.png`,
    `images/older%step%3%timestamp%1000%${ID}.png`,
    "images/another.png",
  ]);
  expect([...series.keys()]).toEqual(["older", "val/samples"]);
  expect(series.get("val/samples")?.map(({ step, time }) => [step, time])).toEqual([
    [2, 1500],
    [10, 2000],
  ]);
});

test("the smaller copy of a picture is taken, and keys may hold signs and dots", () => {
  const series = seriesIn([
    `images/a+b.c+step+-1+timestamp+5+${ID}.png`,
    `images/a+b.c+step+-1+timestamp+5+${ID}+compressed.webp`,
  ]);
  expect(series.get("a+b.c")).toEqual([
    { key: "a+b.c", step: -1, time: 5, path: `images/a+b.c+step+-1+timestamp+5+${ID}+compressed.webp` },
  ]);
});

test("at a step is what was logged last before it or at it", () => {
  const files = [{ step: 0 }, { step: 5 }, { step: 9 }];
  expect([-1, 0, 7, 100, null].map((step) => atStep(files, step)?.step)).toEqual([undefined, 0, 5, 9, 9]);
  expect(stepsOf([files, [{ step: 3 }, { step: 5 }]])).toEqual([0, 3, 5, 9]);
});
