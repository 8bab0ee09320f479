import { useQueries } from "@tanstack/react-query";

import { failureOf } from "~/api/errors";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import type { FilePair } from "~/features/compare/diff/changes";
import { valuePairs } from "~/features/compare/diff/changes";
import styles from "~/features/compare/diff/Diff.module.css";
import type { DiffProperties } from "~/features/compare/diff/Diffs";
import { FileDiff } from "~/features/compare/diff/FileDiff";
import type { Pair } from "~/features/compare/diff/pair";
import { codeOf } from "~/features/compare/diff/queries";
import { useFiles } from "~/features/compare/diff/useFiles";
import { Values } from "~/features/compare/diff/Values";
import { CAPTURED, commitOf, DIFF, isSource } from "~/shared/captured/captured";
import { Problem } from "~/shared/components/Problem";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { Section } from "~/shared/components/Section";
import { Skeleton } from "~/shared/components/Skeleton";

const MOST_ROWS = 10;
const TAGS = [
  ["branch", "trivet.git.branch"],
  ["repository", "trivet.git.remote"],
  ["uncommitted changes", "trivet.git.dirty"],
  ["command", "trivet.command"],
  ["host", "trivet.host"],
] as const;

/** Of which code two runs were: the commit, what was changed since, and the source. */
export function CodeDiff({ pair }: DiffProperties) {
  const [one, other] = useQueries({
    queries: [codeOf(pair.workspace, pair.one.id), codeOf(pair.workspace, pair.other.id)],
  });
  const { pairs, failure, retry } = useFiles(pair, CAPTURED);
  const failed = [one, other].find((each) => each.isError);
  if (failed !== undefined) {
    return <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />;
  }
  if (one.data === undefined || other.data === undefined) return <Skeleton />;
  return (
    <ScrollRegion label="Code" className={styles.tables}>
      <Values label="Code" pair={pair} rows={valuePairs(factsOf(one.data), factsOf(other.data))} mostRows={MOST_ROWS} />
      {failure !== null && <Problem failure={failure} onRetry={retry} />}
      {failure === null && pairs === null && <Skeleton />}
      {pairs !== null && (
        <>
          <Captured title="Changes since the commit" pair={pair} files={pairs.filter(({ path }) => path === DIFF)} />
          <Captured title="Source" pair={pair} files={pairs.filter(({ path }) => isSource(path))} />
        </>
      )}
    </ScrollRegion>
  );
}

interface CapturedProperties {
  readonly title: string;
  readonly pair: Pair;
  readonly files: readonly FilePair[];
}

function Captured({ title, pair, files }: CapturedProperties) {
  return (
    <Section title={title}>
      {files.length === 0 && <p className={styles.soft}>Neither run has noted any.</p>}
      {files.map((file) => (
        <div key={file.path}>
          {file.change === "same" ? (
            <p className={styles.soft}>{file.path.slice(file.path.lastIndexOf("/") + 1)} is the same in both.</p>
          ) : (
            <div className={styles.file}>
              <FileDiff pair={pair} file={file} />
            </div>
          )}
        </div>
      ))}
    </Section>
  );
}

function factsOf(run: Run): (readonly [string, string])[] {
  const found = [["source", run.source] as const, ["commit", commitOf(run)] as const];
  return [...found, ...TAGS.map(([name, tag]) => [name, run.tags[tag] ?? ""] as const)].filter(
    ([, value]) => value !== "",
  );
}
