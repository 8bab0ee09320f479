import { expect, test } from "vitest";

import { logTicks } from "~/charts/ticks";

test.each([
  [1e-5, 1e5, 6, [1e-5, 1e-3, 1e-1, 1e1, 1e3, 1e5]],
  [1, 100, 6, [1, 2, 5, 10, 20, 50, 100]],
  [2, 3, 5, [2, 2.2, 2.4, 2.6, 2.8, 3]],
])("the ticks from %d to %d", (low, high, count, ticks) => {
  expect(logTicks(low, high, count)).toEqual(ticks.map((each) => expect.closeTo(each, 10)));
});
