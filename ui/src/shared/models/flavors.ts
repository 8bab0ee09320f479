/** What an MLmodel file says of its model, besides the signature. */
export interface ModelFacts {
  readonly flavors: readonly Flavor[];
  /** Where a fact is not there, it is empty. */
  readonly madeAt: string;
  readonly mlflowVersion: string;
  readonly pythonVersion: string;
}

/** A way to load a model. */
export interface Flavor {
  /** `sklearn`, `python_function`. */
  readonly name: string;
  /** Of the library that it was made with; empty where the file does not say. */
  readonly version: string;
}

/** The facts in an MLmodel file, of which its writers use plain keys and values alone. */
export function factsIn(mlmodel: string): ModelFacts {
  const lines = mlmodel.split(/\r?\n/);
  const start = lines.findIndex((line) => /^flavors:\s*$/.test(line));
  const rest = start === -1 ? [] : lines.slice(start + 1);
  const end = rest.findIndex((line) => /^\S/.test(line));
  const flavors: Flavor[] = [];
  let pythonVersion = "";
  for (const line of end === -1 ? rest : rest.slice(0, end)) {
    const name = /^ {2}([\w.-]+):/.exec(line)?.[1];
    if (name !== undefined) flavors.push({ name, version: "" });
    const last = flavors.at(-1);
    const version = /^ {4}(\w+)_version: *(.*)$/.exec(line);
    if (version === null || last === undefined) continue;
    const [, library = "", text = ""] = version;
    if (library === "python") pythonVersion = unquoted(text);
    // `sklearn_version` is that of the flavor; of several, the first one is.
    else if (last.version === "" && last.name !== "python_function") {
      flavors[flavors.length - 1] = { ...last, version: unquoted(text) };
    }
  }
  return {
    flavors,
    pythonVersion,
    madeAt: topValue(lines, "utc_time_created"),
    mlflowVersion: topValue(lines, "mlflow_version"),
  };
}

function topValue(lines: readonly string[], key: string): string {
  const line = lines.find((each) => each.startsWith(`${key}:`));
  return line === undefined ? "" : unquoted(line.slice(key.length + 1));
}

function unquoted(text: string): string {
  const plain = text.trim().replace(/^(['"])(.*)\1$/, "$2");
  return plain === "null" ? "" : plain;
}
