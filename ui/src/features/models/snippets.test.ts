import { expect, test } from "vitest";

import { mlflowSnippet, trivetSnippet } from "~/features/models/snippets";

const column = (name: string, type: string) => ({ name, type, isRequired: true, defaultValue: "" });

test("files are fetched by the URI of the model", () => {
  expect(trivetSnippet("models:/a b/3")).toContain('uri = "models:/a b/3"');
});

test("a model is asked with a row of its own columns", () => {
  const columns = [column("distance", "double"), column('driver\'s "zone"', "string")];
  expect(mlflowSnippet("models:/taxi/2", "http://host:7331", "default", columns)).toBe(`import mlflow
import pandas as pd

mlflow.set_tracking_uri("http://host:7331")
model = mlflow.pyfunc.load_model("models:/taxi/2")
print(model.predict(pd.DataFrame([{
    "distance": 1.0,
    "driver's \\"zone\\"": "text",
}])))`);
});

test("without known columns, what it takes is printed; a workspace is part of the address", () => {
  for (const inputs of [null, [], [column("", "double")], [column("x", "tensor float32 (-1)")]]) {
    const lines = mlflowSnippet("models:/taxi/2", "http://host", "team-a", inputs);
    expect(lines).toContain('"http://host/w/team-a"');
    expect(lines).toContain("model.metadata.signature");
  }
});
