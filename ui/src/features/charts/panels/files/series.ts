/** A file of a series, such as `log_image` and `log_histogram` log with a key and a step. */
export interface StepFile {
  readonly key: string;
  readonly step: number;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  /** Its path in the run. */
  readonly path: string;
}

/**
 * Names as MLflow gives them: `KEY+step+STEP+timestamp+MILLISECONDS+ID.png`. Older versions had `%` in place of `+`, and
 * pictures have a smaller copy whose name ends in `+compressed.webp`.
 */
const NAME = /^(.+)([+%])step\2(-?\d+)\2timestamp\2(-?\d+)\2[^+%.]+(\2compressed)?\.[a-z0-9]+$/;

/** The files of series among some paths, by their keys; of each step the last one that was logged. */
export function seriesIn(paths: readonly string[]): Map<string, StepFile[]> {
  const found = new Map<string, Map<number, StepFile & { readonly isCopy: boolean }>>();
  for (const path of paths) {
    const [, key, , step, time, copy] = NAME.exec(path.slice(path.lastIndexOf("/") + 1)) ?? [];
    if (key === undefined) continue;
    // Keys have `#` in names where they have `/`.
    const file = {
      key: key.replaceAll("#", "/"),
      step: Number(step),
      time: Number(time),
      path,
      isCopy: copy !== undefined,
    };
    const steps = found.get(file.key) ?? new Map<number, typeof file>();
    found.set(file.key, steps);
    const known = steps.get(file.step);
    const isNewer = known === undefined || file.time > known.time || (file.time === known.time && file.isCopy);
    if (isNewer) steps.set(file.step, file);
  }
  return new Map(
    [...found]
      .toSorted(([one], [other]) => one.localeCompare(other, "en", { numeric: true }))
      .map(([key, steps]) => [
        key,
        [...steps.values()]
          .map(({ key, step, time, path }) => ({ key, step, time, path }))
          .toSorted((one, other) => one.step - other.step),
      ]),
  );
}

/** The last that is not after a step; the last of all where that is null. */
export const atStep = <Stepped extends { readonly step: number }>(
  sorted: readonly Stepped[],
  step: number | null,
): Stepped | undefined => (step === null ? sorted.at(-1) : sorted.findLast((each) => each.step <= step));

/** All different steps, rising. */
export const stepsOf = (all: readonly (readonly { readonly step: number }[])[]): number[] =>
  [...new Set(all.flatMap((each) => each.map(({ step }) => step)))].toSorted((one, other) => one - other);
