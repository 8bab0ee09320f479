import { useQueries } from "@tanstack/react-query";

import { failureOf } from "~/api/errors";
import type { ValuePair } from "~/features/compare/diff/changes";
import { valuePairs } from "~/features/compare/diff/changes";
import styles from "~/features/compare/diff/Diff.module.css";
import type { DiffProperties } from "~/features/compare/diff/Diffs";
import { textOf } from "~/features/compare/diff/queries";
import { useFiles } from "~/features/compare/diff/useFiles";
import { Values } from "~/features/compare/diff/Values";
import type { Environment } from "~/shared/captured/captured";
import { CAPTURED, ENVIRONMENT, environmentIn } from "~/shared/captured/captured";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { Skeleton } from "~/shared/components/Skeleton";

const PARTS = [
  ["facts", "Python and machine"],
  ["packages", "Packages"],
  ["variables", "Variables"],
] as const satisfies readonly (readonly [keyof Environment, string])[];
const MOST_ROWS = 24;

/** What Python and which packages two runs had. */
export function EnvironmentDiff({ pair, search }: DiffProperties) {
  const { pairs, failure, retry } = useFiles(pair, CAPTURED);
  const file = pairs?.find(({ path }) => path === ENVIRONMENT);
  const texts = useQueries({
    queries: [file?.one, file?.other].flatMap((each) => (each === null || each === undefined ? [] : [textOf(each)])),
  });
  if (failure !== null) return <Problem failure={failure} onRetry={retry} />;
  if (pairs === null) return <Skeleton />;
  if (file === undefined) {
    return <Empty title="Neither run noted its environment" paste='trivet.start_run(capture=["environment"])' />;
  }
  const failed = texts.find((each) => each.isError);
  if (failed !== undefined) {
    return <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />;
  }
  if (texts.some((each) => each.isPending)) return <Skeleton />;
  const read = texts.map(({ data = "" }) => environmentIn(data));
  const [one, other] = [
    file.one === null ? null : (read[0] ?? null),
    file.other === null ? null : (read.at(-1) ?? null),
  ];
  const passes = (row: ValuePair): boolean =>
    (search.diff !== true || row.one !== row.other) && row.name.toLowerCase().includes((search.q ?? "").toLowerCase());
  const tables = PARTS.map(([part, title]) => ({
    title,
    rows: valuePairs(one?.[part] ?? [], other?.[part] ?? []).filter(passes),
  })).filter(({ rows }) => rows.length > 0);
  const unreadable = [
    ...(one === null && file.one !== null ? [pair.one] : []),
    ...(other === null && file.other !== null ? [pair.other] : []),
  ];
  const without = [...(file.one === null ? [pair.one] : []), ...(file.other === null ? [pair.other] : [])];
  return (
    <ScrollRegion label="Environments" className={styles.tables}>
      {without.map((run) => (
        <p key={run.id} role="status">
          {run.name} did not note its environment.
        </p>
      ))}
      {unreadable.map((run) => (
        <p key={run.id} role="status">
          What {run.name} noted of its environment cannot be read.
        </p>
      ))}
      {tables.length === 0 && unreadable.length === 0 && (
        <Empty title={search.q === undefined ? "The environments are the same" : `Nothing holds “${search.q}”`} />
      )}
      {tables.map(({ title, rows }) => (
        <Values key={title} label={title} pair={pair} rows={rows} mostRows={MOST_ROWS} />
      ))}
    </ScrollRegion>
  );
}
