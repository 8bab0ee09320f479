import { useRouter } from "@tanstack/react-router";
import { Copy, Plus, X } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";

import type { Brushes } from "~/charts/brush";
import { brushed } from "~/charts/brush";
import type { Comparison } from "~/features/compare/comparison";
import { only } from "~/features/compare/comparison";
import { csvOf, markdownOf } from "~/features/compare/copy";
import { pairOf } from "~/features/compare/diff/pair";
import { axesAtFirst, dimensionsOf } from "~/features/compare/dimensions";
import styles from "~/features/compare/parts/Compared.module.css";
import { ComparisonTable } from "~/features/compare/parts/ComparisonTable";
import { PartSwitch } from "~/features/compare/parts/PartSwitch";
import { PlotPanel } from "~/features/compare/parts/PlotPanel";
import { linesOf } from "~/features/compare/rows";
import type { Best, CompareSearch } from "~/features/compare/search";
import { Button } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { SearchBox } from "~/shared/components/SearchBox";
import { Skeleton } from "~/shared/components/Skeleton";
import { notify } from "~/shared/components/toasts";
import { Toolbar } from "~/shared/components/Toolbar";
import { useSettled } from "~/shared/hooks/useSettled";
import { useShortcuts } from "~/shared/hooks/useShortcuts";
import { runPath } from "~/shared/links";
import { save } from "~/shared/save";

interface Properties {
  readonly workspace: string;
  readonly comparison: Comparison;
  readonly search: CompareSearch;
  readonly onChange: (change: Partial<CompareSearch>) => void;
  readonly onAdd: () => void;
}

const Diffs = lazy(() => import("~/features/compare/diff/Diffs"));

const NONE: Brushes = {};
const NO_IDS: readonly string[] = [];
const REST_MS = 100;

const copy = (text: string, what: string): void =>
  void navigator.clipboard.writeText(text).then(() => notify(`Copied as ${what}`));

/** Plots of runs, and the table of what they have, side by side. */
export function Compared({ workspace, comparison, search, onChange, onAdd }: Properties) {
  const { history } = useRouter();
  const [hovered, setHovered] = useState<string | null>(null);
  const inUrl = search.brushes ?? NONE;
  // While somebody brushes, the URL stays: browsers refuse to change it many times a second.
  const [live, setLive] = useState<Brushes | null>(null);
  const [known, setKnown] = useState(inUrl);
  if (known !== inUrl) {
    setKnown(inUrl);
    setLive(null);
  }
  const brushes = live ?? inUrl;
  const groups = useMemo(() => dimensionsOf(comparison), [comparison]);
  const atFirst = useMemo(() => axesAtFirst(comparison), [comparison]);
  const shown = useMemo(
    () =>
      brushed(
        groups.flatMap((group) => group.dimensions),
        brushes,
        comparison.runs.length,
      ),
    [groups, brushes, comparison],
  );
  const isBrushed = shown.length < comparison.runs.length;
  // The lines follow the hand, the table when it rests.
  const rested = useSettled(shown, REST_MS);
  const places = live === null ? shown : rested;
  const table = useMemo(
    () => (places.length === comparison.runs.length ? comparison : only(comparison, places)),
    [comparison, places],
  );
  const lines = useMemo(() => linesOf(table, search), [table, search]);
  const box = useRef<HTMLInputElement>(null);
  const onOpen = useCallback((id: string) => history.push(runPath(workspace, id)), [history, workspace]);
  const ids = search.runs ?? NO_IDS;
  const { best, part } = search;
  const pair = pairOf(workspace, comparison.runs, search.beside);
  const onRemove = useCallback((id: string) => onChange({ runs: ids.filter((each) => each !== id) }), [onChange, ids]);
  const onFirst = useCallback(
    (id: string) => onChange({ runs: [id, ...ids.filter((each) => each !== id)] }),
    [onChange, ids],
  );
  const onBest = useCallback(
    (key: string, side: Best) => onChange({ best: { ...best, [key]: side } }),
    [onChange, best],
  );
  useShortcuts([
    { key: "/", does: "search keys", run: () => box.current?.focus() },
    { key: "a", does: "add runs", run: onAdd },
    {
      key: "d",
      does: "show differences only, or all",
      run: () => onChange({ diff: search.diff === true ? undefined : true }),
    },
  ]);
  return (
    <>
      <Toolbar title="Compare runs">
        <span>{comparison.runs.length === 1 ? "1 run" : `${comparison.runs.length} runs`}</span>
        <Button icon={<Plus />} onClick={onAdd}>
          Add runs
        </Button>
        {pair !== null && <PartSwitch part={part} onPart={(next) => onChange({ part: next })} />}
        {isBrushed && (
          <span className={styles.brushed} role="status">
            {shown.length} brushed
            <Button
              kind="quiet"
              disabled={shown.length === 0}
              onClick={() =>
                onChange({ runs: shown.flatMap((place) => comparison.runs[place]?.id ?? []), brushes: undefined })
              }
            >
              Keep only these
            </Button>
            <Button kind="quiet" icon={<X />} onClick={() => onChange({ brushes: undefined })}>
              Clear brushes
            </Button>
          </span>
        )}
        <span className={styles.spacer} />
        <SearchBox
          label="Search keys"
          text={search.q ?? ""}
          onText={(q) => onChange({ q: q === "" ? undefined : q })}
          boxRef={box}
        />
        <label className={styles.check}>
          <input
            type="checkbox"
            checked={search.diff === true}
            onChange={(event) => onChange({ diff: event.target.checked ? true : undefined })}
          />
          Differences only
        </label>
        {part === undefined && (
          <>
            <label className={styles.check}>
              <input
                type="checkbox"
                checked={search.stats === true}
                onChange={(event) => onChange({ stats: event.target.checked ? true : undefined })}
              />
              Min, max, step
            </label>
            <Menu
              trigger={<Button icon={<Copy />}>Copy</Button>}
              items={[
                {
                  id: "markdown",
                  label: "As markdown",
                  onChoose: () => copy(markdownOf(table.runs, lines), "markdown"),
                },
                { id: "csv", label: "As CSV", onChoose: () => copy(csvOf(table.runs, lines), "CSV") },
                {
                  id: "file",
                  label: "Save as CSV",
                  onChoose: () => save(new Blob([csvOf(table.runs, lines)], { type: "text/csv" }), "comparison.csv"),
                },
              ]}
            />
          </>
        )}
      </Toolbar>
      {part !== undefined && pair !== null ? (
        <Suspense fallback={<Skeleton />}>
          <Diffs part={part} runs={comparison.runs} pair={pair} search={search} onChange={onChange} />
        </Suspense>
      ) : (
        <>
          <PlotPanel
            workspace={workspace}
            comparison={comparison}
            groups={groups}
            search={search}
            atFirst={atFirst}
            brushes={brushes}
            shown={shown}
            onBrushes={(next, isDone) => {
              setLive(next);
              if (isDone) onChange({ brushes: next });
            }}
            onChange={onChange}
            hovered={hovered}
            onHover={setHovered}
            onOpen={onOpen}
          />
          <div className={styles.table}>
            <ComparisonTable
              workspace={workspace}
              runs={table.runs}
              lines={lines}
              hovered={hovered}
              onHover={setHovered}
              onOpen={onOpen}
              onRemove={onRemove}
              onFirst={onFirst}
              onBest={onBest}
            />
          </div>
        </>
      )}
    </>
  );
}
