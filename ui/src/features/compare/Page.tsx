import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plus, TriangleAlert } from "lucide-react";
import { useMemo, useState } from "react";

import { failureOf } from "~/api/errors";
import type { Comparison } from "~/features/compare/comparison";
import { compared } from "~/features/compare/comparison";
import { AddRunsDialog } from "~/features/compare/parts/AddRunsDialog";
import { Compared } from "~/features/compare/parts/Compared";
import styles from "~/features/compare/Page.module.css";
import { comparedQuery, experimentNamesQuery } from "~/features/compare/queries";
import type { CompareSearch } from "~/features/compare/search";
import { comparedIds, MOST_RUNS } from "~/features/compare/search";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Toolbar } from "~/shared/components/Toolbar";

const route = getRouteApi("/w/$workspace/compare");
const NO_IDS: readonly string[] = [];

export function ComparePage() {
  const { workspace } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [isAdding, setAdding] = useState(false);
  const asked = search.runs ?? NO_IDS;
  const ids = useMemo(() => comparedIds({ runs: asked }), [asked]);
  const read = useQuery({ ...comparedQuery(workspace, ids), placeholderData: keepPreviousData });
  const { data: experiments } = useQuery(experimentNamesQuery(workspace));
  const comparison = useMemo(
    () => (read.data === undefined ? null : compared(ids, read.data, experiments)),
    [ids, read.data, experiments],
  );
  const go = (change: Partial<CompareSearch>): void =>
    void navigate({ search: (now) => ({ ...now, ...change }), replace: "q" in change || "smooth" in change });
  const hasRuns = comparison !== null && comparison.runs.length > 0;
  return (
    <>
      {!hasRuns && <Toolbar title="Compare runs" />}
      {read.isError && <Problem failure={failureOf(read.error)} onRetry={() => void read.refetch()} />}
      {ids.length > 0 && read.isPending && <Skeleton />}
      {ids.length === 0 && (
        <Empty title="No runs are chosen">
          <p>Tick runs in the table of an experiment and press Compare there, or add them here.</p>
          <AddButton onAdd={() => setAdding(true)} />
        </Empty>
      )}
      {comparison !== null && ids.length > 0 && !read.isPlaceholderData && (
        <Missing comparison={comparison} left={asked.length - ids.length} onDrop={(runs) => go({ runs })} />
      )}
      {comparison !== null && ids.length > 0 && !hasRuns && !read.isPlaceholderData && (
        <Empty title="None of these runs is there">
          <p>They may have been deleted for good, or be in another workspace.</p>
          <AddButton onAdd={() => setAdding(true)} />
        </Empty>
      )}
      {hasRuns && (
        <Compared
          workspace={workspace}
          comparison={comparison}
          search={search}
          onChange={go}
          onAdd={() => setAdding(true)}
        />
      )}
      <AddRunsDialog
        workspace={workspace}
        isOpen={isAdding}
        onClose={() => setAdding(false)}
        ids={asked}
        onAdd={(added) => go({ runs: [...asked, ...added] })}
      />
    </>
  );
}

function AddButton({ onAdd }: { readonly onAdd: () => void }) {
  return (
    <Button kind="primary" icon={<Plus />} onClick={onAdd}>
      Add runs
    </Button>
  );
}

interface MissingProperties {
  readonly comparison: Comparison;
  /** How many runs are more than can be compared. */
  readonly left: number;
  readonly onDrop: (ids: readonly string[]) => void;
}

const NAMED = 5;

const named = (names: readonly string[]): string =>
  names.length <= NAMED ? names.join(", ") : `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`;

/** Says what is not compared, and why. */
function Missing({ comparison, left, onDrop }: MissingProperties) {
  const { missing, runs } = comparison;
  const omitted = runs.filter((run) => run.omitted.length > 0);
  return (
    <>
      {missing.length > 0 && runs.length > 0 && (
        <div role="status" className={styles.notice}>
          <TriangleAlert aria-hidden />
          <p>
            {missing.length === 1 ? "This run is not there: " : `${missing.length} runs are not there: `}
            {named(missing)}. The others are shown.
          </p>
          <Button kind="quiet" onClick={() => onDrop(runs.map((run) => run.id))}>
            Forget {missing.length === 1 ? "it" : "them"}
          </Button>
        </div>
      )}
      {left > 0 && (
        <div role="status" className={styles.notice}>
          <TriangleAlert aria-hidden />
          <p>
            At most {MOST_RUNS} runs can be compared; the last {left} are left out.
          </p>
        </div>
      )}
      {omitted.map((run) => (
        <div key={run.id} role="status" className={styles.notice}>
          <TriangleAlert aria-hidden />
          <p>
            {run.name} has too many {run.omitted.join(" and ")} to compare them here; they are left out.
          </p>
        </div>
      ))}
    </>
  );
}
