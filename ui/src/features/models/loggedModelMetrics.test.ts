import { expect, test } from "vitest";

import { datasetsOf, lastMeasured, metricKeys } from "~/features/models/loggedModelMetrics";

const metric = (key: string, value: number, time: number, datasetName = "", datasetDigest = "") => ({
  key,
  value,
  timeMillis: BigInt(time),
  datasetName,
  datasetDigest,
});

test("of several values the last one counts", () => {
  const metrics = [metric("rmse", 1, 5), metric("rmse", 2, 9), metric("rmse", 3, 7), metric("mae", 4, 20)];
  expect(lastMeasured(metrics, "rmse")?.value).toBe(2);
  expect(lastMeasured(metrics, "acc")).toBeNull();
  expect(metricKeys([{ metrics }, { metrics: [metric("acc", 1, 1)] }])).toEqual(["acc", "mae", "rmse"]);
});

test("each dataset is named once", () => {
  expect(datasetsOf([metric("a", 1, 1, "trips", "4f"), metric("b", 1, 1, "trips", "4f"), metric("c", 1, 1)])).toEqual([
    "trips @ 4f",
  ]);
});
