import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { CompareRunsResponse } from "~/api/gen/trivet/tracking/v1/tracking_service_pb";
import { columnsOf } from "~/shared/models/schema";

/** One thing of several versions, in their order; null where a version has none. */
export interface ComparedRow {
  readonly key: string;
  readonly values: readonly (string | number | null)[];
  readonly differs: boolean;
}

export function rowOf(key: string, values: readonly (string | number | null)[]): ComparedRow {
  return { key, values, differs: values.some((each) => !Object.is(each, values[0])) };
}

/** Tags of versions, sorted by key. */
export function tagRows(versions: readonly Pick<ModelVersion, "tags">[]): ComparedRow[] {
  return merged(versions.map((each) => new Map(Object.entries(each.tags))));
}

/** Columns of one part of the signature of versions, by name; those without one by their position. */
export function signatureRows(parts: readonly string[]): ComparedRow[] {
  return merged(
    parts.map(
      (json) =>
        new Map(
          (columnsOf(json) ?? []).map((column, place) => [
            column.name || `#${place + 1}`,
            `${column.type}${column.isRequired ? "" : ", optional"}`,
          ]),
        ),
    ),
    false,
  );
}

function merged(maps: readonly ReadonlyMap<string, string>[], isSorted = true): ComparedRow[] {
  const keys = [...new Set(maps.flatMap((each) => [...each.keys()]))];
  return (isSorted ? keys.toSorted() : keys).map((key) =>
    rowOf(
      key,
      maps.map((each) => each.get(key) ?? null),
    ),
  );
}

/** Params or metrics of runs, as the versions have them: several versions may be of one run, and some of none. */
export function runRows(
  compared: CompareRunsResponse | null,
  part: "params" | "metrics",
  placeOfRun: readonly number[],
): ComparedRow[] {
  return (compared?.[part] ?? []).map((each) => {
    const values = new Map(each.runs.map((run, place) => [run, each.values[place] ?? null]));
    return rowOf(
      each.key,
      placeOfRun.map((run) => values.get(run) ?? null),
    );
  });
}
