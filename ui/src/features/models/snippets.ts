import { DEFAULT_WORKSPACE } from "~/api/names";
import type { SchemaColumn } from "~/shared/models/schema";

/** How many columns an example names; more are left to the reader. */
const MAX_COLUMNS = 20;

const EXAMPLES: Readonly<Record<string, string>> = {
  boolean: "True",
  integer: "1",
  long: "1",
  float: "1.0",
  double: "1.0",
  string: '"text"',
  binary: 'b"bytes"',
  datetime: 'pd.Timestamp("2026-01-01")',
};

/** Python that fetches the files of a model by its URI, with this server's own client. */
export const trivetSnippet = (uri: string): string => `import trivet

uri = ${JSON.stringify(uri)}
folder = trivet.download_artifacts(artifact_uri=uri)`;

/** Python that loads a model by MLflow's client, and predicts on one row. */
export function mlflowSnippet(
  uri: string,
  server: string,
  workspace: string,
  inputs: readonly SchemaColumn[] | null,
): string {
  const address = workspace === DEFAULT_WORKSPACE ? server : `${server}/w/${workspace}`;
  const example = exampleOf(inputs ?? []);
  return [
    "import mlflow",
    ...(example === "" ? [] : ["import pandas as pd"]),
    "",
    `mlflow.set_tracking_uri(${JSON.stringify(address)})`,
    `model = mlflow.pyfunc.load_model(${JSON.stringify(uri)})`,
    ...(example === "" ? ["print(model.metadata.signature)"] : [`print(model.predict(${example}))`]),
  ].join("\n");
}

/** One row for the columns that a model takes; empty where no such row is known. */
function exampleOf(inputs: readonly SchemaColumn[]): string {
  const values = inputs.map((column) => EXAMPLES[column.type]);
  const isTable = inputs.every((column, place) => column.name !== "" && values[place] !== undefined);
  if (inputs.length === 0 || inputs.length > MAX_COLUMNS || !isTable) return "";
  const cells = inputs.map((column, place) => `    ${JSON.stringify(column.name)}: ${values[place]},`);
  return `pd.DataFrame([{\n${cells.join("\n")}\n}])`;
}
