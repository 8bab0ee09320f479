import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";

/** Where what is captured at the start of a run lies among its files: docs/capturing.md. */
export const DIFF = "trivet/diff.patch";
export const ENVIRONMENT = "trivet/environment.json";
export const isSource = (path: string): boolean => path.startsWith("trivet/source/");

/** The folder of what is captured. */
export const CAPTURED = "trivet";

/** The commit that a run is of, as Trivet or MLflow's client noted it; empty where neither did. */
export const commitOf = (run: Run): string =>
  run.gitCommit === "" ? (run.tags["mlflow.source.git.commit"] ?? "") : run.gitCommit;

/** What Python a run had. */
export interface Environment {
  /** Names and what they are, in words: the version of Python, the platform. */
  readonly facts: readonly (readonly [string, string])[];
  readonly packages: readonly (readonly [string, string])[];
  readonly variables: readonly (readonly [string, string])[];
}

const FACTS = [
  ["python", "Python"],
  ["implementation", "Implementation"],
  ["compiler", "Compiler"],
  ["executable", "Executable"],
  ["platform", "Platform"],
  ["machine", "Machine"],
  ["processors", "Processors"],
] as const;

/** What `trivet/environment.json` says; null where it is something else. */
export function environmentIn(text: string): Environment | null {
  const said = parsed(text);
  if (!isRecord(said)) return null;
  return {
    facts: FACTS.flatMap(([key, name]) => {
      const value = said[key];
      return typeof value === "string" || typeof value === "number" ? [[name, String(value)] as const] : [];
    }),
    packages: texts(said["packages"]),
    variables: texts(said["variables"]),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const texts = (value: unknown): (readonly [string, string])[] =>
  isRecord(value)
    ? Object.entries(value).flatMap(([key, each]) => (typeof each === "string" ? [[key, each] as const] : []))
    : [];
