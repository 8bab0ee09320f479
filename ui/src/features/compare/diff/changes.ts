import { digestOf } from "~/api/files";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";

export type Change = "added" | "removed" | "changed" | "same";

/** A path, and what lies there in each of two runs. */
export interface FilePair {
  readonly path: string;
  readonly change: Change;
  readonly one: Artifact | null;
  readonly other: Artifact | null;
}

/** More files of a run than these nobody looks through, and they would take long to list. */
export const MOST_FILES = 10_000;

/** Whether there may be more files than were listed. */
export const isCut = (files: readonly Artifact[]): boolean => files.length >= MOST_FILES;

/** Of the files of two runs, each sorted by path, those up to where either list was cut: beyond it nobody knows. */
export function comparable(
  ones: readonly Artifact[],
  others: readonly Artifact[],
): [readonly Artifact[], readonly Artifact[]] {
  const ends = [ones, others].flatMap((files) => (isCut(files) ? (files.at(-1)?.path ?? []) : []));
  const upTo = (files: readonly Artifact[]): readonly Artifact[] =>
    files.filter(({ path }) => ends.every((end) => path <= end));
  return [upTo(ones), upTo(others)];
}

/** The files of two runs by their paths, sorted: what the other one has besides is added. */
export function filePairs(ones: readonly Artifact[], others: readonly Artifact[]): FilePair[] {
  const [byPath, byOtherPath] = [ones, others].map((files) => new Map(files.map((file) => [file.path, file])));
  const paths = new Set([...ones, ...others].map(({ path }) => path));
  return [...paths].toSorted().map((path) => {
    const [one, other] = [byPath?.get(path) ?? null, byOtherPath?.get(path) ?? null];
    return { path, change: changeOf(one, other), one, other };
  });
}

function changeOf(one: Artifact | null, other: Artifact | null): Change {
  if (one === null) return "added";
  if (other === null) return "removed";
  // Of what stays where it is, there may be no digest.
  const isSame =
    digestOf(one) === digestOf(other) && one.sizeBytes === other.sizeBytes && one.referenceUri === other.referenceUri;
  return isSame ? "same" : "changed";
}

/** A name, and what stands for it in each of two runs; null where one has nothing. */
export interface ValuePair {
  readonly name: string;
  readonly one: string | null;
  readonly other: string | null;
}

type Pairs = readonly (readonly [string, string])[];

/** Names and values of two runs, in the order in which they come. */
export function valuePairs(ones: Pairs, others: Pairs): ValuePair[] {
  const [byName, byOtherName] = [new Map(ones), new Map(others)];
  return [...new Set([...byName.keys(), ...byOtherName.keys()])].map((name) => ({
    name,
    one: byName.get(name) ?? null,
    other: byOtherName.get(name) ?? null,
  }));
}
