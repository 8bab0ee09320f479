import { useMemo } from "react";

import type { Change, FilePair } from "~/features/compare/diff/changes";
import { MOST_FILES } from "~/features/compare/diff/changes";
import styles from "~/features/compare/diff/Diff.module.css";
import { FileDiff } from "~/features/compare/diff/FileDiff";
import type { DiffProperties } from "~/features/compare/diff/Diffs";
import { useFiles } from "~/features/compare/diff/useFiles";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { SplitPane } from "~/shared/components/SplitPane";
import { bytes, count } from "~/shared/format/numbers";
import type { Column } from "~/shared/table/Table";
import { VirtualTable } from "~/shared/table/VirtualTable";

const SIGNS: Readonly<Record<Change, string>> = { added: "+", removed: "−", changed: "≠", same: "" };
const LIST_PIXELS = 420;

/** The files of two runs: which are added, removed and changed, and how. */
export function FilesDiff({ pair, search, onChange }: DiffProperties) {
  const { pairs, isCut, failure, retry } = useFiles(pair);
  const shown = useMemo(
    () =>
      (pairs ?? []).filter(
        ({ path, change }) =>
          (search.diff !== true || change !== "same") && path.toLowerCase().includes((search.q ?? "").toLowerCase()),
      ),
    [pairs, search.diff, search.q],
  );
  if (failure !== null) return <Problem failure={failure} onRetry={retry} />;
  if (pairs === null) return <Skeleton />;
  if (pairs.length === 0) {
    return <Empty title="Neither run has files" paste={'trivet.log_artifact("model.pkl")'} />;
  }
  const opened = pairs.find(({ path }) => path === search.path);
  const columns: readonly Column<FilePair>[] = [
    {
      id: "change",
      header: "",
      cell: ({ change }) => (
        <span className={styles[change]} title={change}>
          <span aria-hidden>{SIGNS[change]}</span>
          <span className="visually-hidden">{change}</span>
        </span>
      ),
    },
    {
      id: "path",
      header: "Path",
      cell: ({ path }) => (
        <button
          type="button"
          className={styles.path}
          title={path}
          aria-pressed={path === search.path}
          onClick={() => onChange({ path })}
        >
          {path}
        </button>
      ),
    },
    {
      id: "one",
      header: pair.one.name,
      isNumber: true,
      cell: ({ one }) => (one === null ? "—" : bytes(one.sizeBytes)),
    },
    {
      id: "other",
      header: pair.other.name,
      isNumber: true,
      cell: ({ other }) => (other === null ? "—" : bytes(other.sizeBytes)),
    },
  ];
  return (
    <>
      <p className={styles.summary} role="status">
        {summary(pairs)}
        {isCut && ` Only the first ${count(MOST_FILES)} files of each run are compared.`}
      </p>
      <SplitPane
        name="diff"
        label="Width of the list"
        width={LIST_PIXELS}
        first={
          shown.length === 0 ? (
            <Empty title={search.q === undefined ? "All files are the same" : "No file has that in its path"} />
          ) : (
            <VirtualTable
              label="Files"
              columns={columns}
              widths="24px minmax(0, 1fr) 84px 84px"
              rows={shown}
              keyOf={({ path }) => path}
            />
          )
        }
        second={
          <div className={styles.opened}>
            {opened === undefined ? (
              <Empty title="Choose a file to see how it differs" />
            ) : (
              <FileDiff key={opened.path} pair={pair} file={opened} />
            )}
          </div>
        }
      />
    </>
  );
}

function summary(pairs: readonly FilePair[]): string {
  const parts = (["added", "removed", "changed", "same"] as const).map(
    (change) => `${count(pairs.filter((each) => each.change === change).length)} ${change}`,
  );
  return `${parts.join(", ")}.`;
}
