import { CodeDiff } from "~/features/compare/diff/CodeDiff";
import styles from "~/features/compare/diff/Diff.module.css";
import { EnvironmentDiff } from "~/features/compare/diff/EnvironmentDiff";
import { FilesDiff } from "~/features/compare/diff/FilesDiff";
import type { Pair } from "~/features/compare/diff/pair";
import type { ComparedRun } from "~/features/compare/comparison";
import type { CompareSearch, DiffPart } from "~/features/compare/search";

export interface DiffProperties {
  readonly pair: Pair;
  readonly search: CompareSearch;
  readonly onChange: (change: Partial<CompareSearch>) => void;
}

interface Properties extends DiffProperties {
  readonly part: DiffPart;
  readonly runs: readonly ComparedRun[];
}

const PARTS = { code: CodeDiff, environment: EnvironmentDiff, files: FilesDiff } as const;

/** Two runs side by side: what differs in their code, their environment or their files. */
export default function Diffs({ part, runs, pair, search, onChange }: Properties) {
  const Part = PARTS[part];
  return (
    <section className={styles.diffs} aria-label="Differences">
      {runs.length > 2 && (
        <label className={styles.chosen}>
          <span>{pair.one.name} beside</span>
          <select value={pair.other.id} onChange={(event) => onChange({ beside: event.target.value })}>
            {runs
              .filter((run) => run !== pair.one)
              .map((run) => (
                <option key={run.id} value={run.id}>
                  {run.name}
                </option>
              ))}
          </select>
        </label>
      )}
      <Part pair={pair} search={search} onChange={onChange} />
    </section>
  );
}
