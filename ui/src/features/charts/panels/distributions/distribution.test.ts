import { expect, test } from "vitest";

import { binsIn, distributionIn } from "~/features/charts/panels/distributions/distribution";

test("counts stand between edges, of which there is one more", () => {
  const found = distributionIn({ counts: [3, 0.5], edges: [-1, 0, 2.5], not_finite: 0 });
  expect(found === null ? null : binsIn(found)).toEqual([
    { label: "−1 to 0", range: [-1, 0] },
    { label: "0 to 2.5", range: [0, 2.5] },
  ]);
});

test.each([null, [], { counts: [1], edges: [0] }, { counts: ["1"], edges: [0, 1] }])("%j is none", (value) => {
  expect(distributionIn(value)).toBeNull();
});
