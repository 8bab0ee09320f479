import { DEFAULT_WORKSPACE } from "~/api/names";
import type { SchemaColumn } from "~/shared/models/schema";

/** A model to load. */
export interface Loadable {
  /** `models:/m-…`, `models:/NAME/3`, `runs:/ID/model`. */
  readonly uri: string;
  /** The origin of this server. */
  readonly server: string;
  readonly workspace: string;
  /** Names of its flavors. */
  readonly flavors: readonly string[];
  /** What it takes; empty where that is not known. */
  readonly inputs: readonly SchemaColumn[];
}

/** Lines to paste, and what they do. */
export interface Lines {
  readonly id: string;
  readonly label: string;
  readonly code: string;
}

/** How many columns an example has; a longer one would be read by nobody. */
const MOST_COLUMNS = 12;
const PYFUNC = "python_function";
const EXAMPLES: ReadonlyMap<string, string> = new Map([
  ["boolean", "True"],
  ["integer", "1"],
  ["long", "1"],
  ["float", "1.0"],
  ["double", "1.0"],
  ["string", '"text"'],
  ["binary", 'b"bytes"'],
  ["datetime", 'pd.Timestamp("2026-01-01")'],
]);

/** Ways to load a model and to predict with it. */
export function loadingLines(model: Loadable): readonly Lines[] {
  const isFunction = model.flavors.includes(PYFUNC);
  const natives = model.flavors.filter((each) => each !== PYFUNC);
  return [
    ...(isFunction
      ? [
          { id: "pandas", label: "Predict on pandas", code: pandasCode(model) },
          { id: "spark", label: "Predict on Spark", code: sparkCode(model) },
        ]
      : []),
    ...natives.map((flavor) => ({ id: flavor, label: `Load as ${flavor}`, code: nativeCode(model, flavor) })),
    { id: "trivet", label: "Fetch by trivet", code: trivetCode(model) },
    { id: "shell", label: "Fetch in a shell", code: `trivet artifacts get ${shellText(model.uri)} --to model` },
  ];
}

function header({ server, workspace }: Loadable): string {
  const address = workspace === DEFAULT_WORKSPACE ? server : `${server}/w/${workspace}`;
  return `mlflow.set_tracking_uri(${JSON.stringify(address)})`;
}

/** Python that loads a model by MLflow's client, and predicts on a row. */
export const pandasCode = (model: Loadable): string => `import mlflow
import pandas as pd

${header(model)}
model = mlflow.pyfunc.load_model(${JSON.stringify(model.uri)})
data = ${exampleOf(model.inputs)}
print(model.predict(data))`;

const sparkCode = (model: Loadable): string => `import mlflow
from pyspark.sql.functions import struct

${header(model)}
predict = mlflow.pyfunc.spark_udf(spark, ${JSON.stringify(model.uri)})
frame.withColumn("prediction", predict(struct(*frame.columns))).show()`;

const nativeCode = (model: Loadable, flavor: string): string => `import mlflow

${header(model)}
model = mlflow.${flavor}.load_model(${JSON.stringify(model.uri)})`;

/** Python that fetches the files of a model, with this server's own client. */
export const trivetCode = (model: Loadable): string => `import trivet

# Each file is checked by its digest.
folder = trivet.download_artifacts(artifact_uri=${JSON.stringify(model.uri)})`;

/** A table with one row of the columns that a model takes. */
function exampleOf(inputs: readonly SchemaColumn[]): string {
  const cells = inputs.slice(0, MOST_COLUMNS).map(({ name, type }) => [name, EXAMPLES.get(type)] as const);
  const isTable = cells.length > 0 && cells.every(([name, value]) => name !== "" && value !== undefined);
  if (!isTable) return "pd.DataFrame([…])  # what the model takes";
  const lines = cells.map(([name, value]) => `    ${JSON.stringify(name)}: ${value},`);
  const left = inputs.length - cells.length;
  return ["pd.DataFrame([{", ...lines, ...(left > 0 ? [`    # and ${left} more`] : []), "}])"].join("\n");
}

/** A text as one word of a shell. */
const shellText = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
