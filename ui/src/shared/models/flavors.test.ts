import { expect, test } from "vitest";

import { factsIn } from "~/shared/models/flavors";

test("flavors and what made the model", () => {
  const mlmodel = `artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
    loader_module: mlflow.sklearn
    python_version: 3.11.9
  sklearn:
    code: null
    pickled_model: model.pkl
    sklearn_version: '1.5.2'
mlflow_version: 3.17.2
utc_time_created: '2026-11-20 10:00:00.000000'
`;
  expect(factsIn(mlmodel)).toEqual({
    flavors: [
      { name: "python_function", version: "" },
      { name: "sklearn", version: "1.5.2" },
    ],
    madeAt: "2026-11-20 10:00:00.000000",
    mlflowVersion: "3.17.2",
    pythonVersion: "3.11.9",
  });
});

test.each(["", "flavors:", "flavors: {}\n", "\u0000"])("%j has no flavors", (mlmodel) => {
  expect(factsIn(mlmodel).flavors).toEqual([]);
});
