import { expect, test } from "vitest";

import type { Loadable } from "~/shared/models/loading";
import { loadingLines } from "~/shared/models/loading";

const MODEL: Loadable = {
  uri: "models:/m-1",
  server: "http://127.0.0.1:7331",
  workspace: "default",
  flavors: ["python_function", "sklearn"],
  inputs: [{ name: "x", type: "double", isRequired: true, defaultValue: "" }],
};
const column = (name: string, type: string) => ({ name, type, isRequired: true, defaultValue: "" });
const codeOf = (model: Loadable, id: string): string => loadingLines(model).find((each) => each.id === id)?.code ?? "";

test("a model is loaded in each way that its flavors have", () => {
  expect(loadingLines(MODEL).map((each) => each.id)).toEqual(["pandas", "spark", "sklearn", "trivet", "shell"]);
  expect(loadingLines({ ...MODEL, flavors: ["spacy"] }).map((each) => each.id)).toEqual(["spacy", "trivet", "shell"]);
  expect(codeOf(MODEL, "sklearn")).toContain('mlflow.sklearn.load_model("models:/m-1")');
});

test("the example has a row of the columns that the model takes", () => {
  expect(codeOf(MODEL, "pandas")).toContain('pd.DataFrame([{\n    "x": 1.0,\n}])');
  for (const inputs of [[], [column("", "double")], [column("x", "tensor float32 (-1)")]]) {
    expect(codeOf({ ...MODEL, inputs }, "pandas")).toContain("# what the model takes");
  }
  const inputs = [column("distance", "double"), column('driver\'s "zone"', "string")];
  expect(codeOf({ ...MODEL, uri: "models:/taxi/2", inputs }, "pandas")).toBe(`import mlflow
import pandas as pd

mlflow.set_tracking_uri("http://127.0.0.1:7331")
model = mlflow.pyfunc.load_model("models:/taxi/2")
data = pd.DataFrame([{
    "distance": 1.0,
    "driver's \\"zone\\"": "text",
}])
print(model.predict(data))`);
});

test("another workspace is in the address, and odd names are quoted", () => {
  expect(codeOf({ ...MODEL, workspace: "team" }, "pandas")).toContain('"http://127.0.0.1:7331/w/team"');
  expect(codeOf({ ...MODEL, uri: "runs:/1/it's; rm" }, "shell")).toBe(
    `trivet artifacts get 'runs:/1/it'"'"'s; rm' --to model`,
  );
  expect(codeOf({ ...MODEL, uri: 'runs:/1/a"b' }, "trivet")).toContain(String.raw`"runs:/1/a\"b"`);
});
