import { useMemo, useRef, useState } from "react";

import type { WatchState } from "~/api/watch";
import type { ShownRun } from "~/features/charts/panel";
import { ColorDialog } from "~/features/charts/parts/ColorDialog";
import { GroupSelect } from "~/features/charts/parts/GroupSelect";
import styles from "~/features/charts/parts/Legend.module.css";
import { GroupRow, RunRow } from "~/features/charts/parts/LegendRow";
import { namesOfGroups } from "~/features/charts/runs";
import type { ChartsSearch } from "~/features/charts/search";
import { MOST_AT_FIRST, MOSTS } from "~/features/charts/search";
import { onlyRun, shows, withGroup, withoutGroups, withRunTurned } from "~/features/charts/visibility";
import { Button } from "~/shared/components/Button";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { SearchBox } from "~/shared/components/SearchBox";
import { count } from "~/shared/format/numbers";
import { useVirtual } from "~/shared/hooks/useVirtual";
import { LiveMark } from "~/shared/runs/LiveMark";
import type { Scope } from "~/shared/runs/queries";
import type { Store } from "~/shared/Store";
import { useStore } from "~/shared/Store";

interface Properties {
  readonly scope: Scope;
  readonly runs: readonly ShownRun[];
  /** How many runs pass; null where that is not known yet. */
  readonly total: number | null;
  readonly search: ChartsSearch;
  readonly go: (change: Partial<ChartsSearch>, isStep?: boolean) => void;
  /** Whether what is shown is as the runs are by now. */
  readonly state: Store<WatchState>;
}

const ROW_PIXELS = 26;
const BEYOND = 10;

type Item =
  | { readonly is: "group"; readonly group: string; readonly runs: readonly ShownRun[] }
  | { readonly is: "run"; readonly run: ShownRun };

/** The runs of the page: their colours, and whether panels show them. Those in view are there. */
export function Legend({ scope, runs, total, search, go, state }: Properties) {
  const [text, setText] = useState("");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [colored, setColored] = useState<ShownRun | null>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const items = useMemo(() => itemsOf(runs, text, open), [runs, text, open]);
  const virtual = useVirtual({ count: items.length, scroll, sizeOf: () => ROW_PIXELS, beyond: BEYOND });
  const isShown = shows(search);
  return (
    <>
      <div className={styles.head}>
        <SearchBox label="Search runs" text={text} onText={setText} />
        <GroupSelect
          scope={scope}
          group={search.group}
          onGroup={(group) => go({ group, ...withoutGroups(search, runs) })}
        />
        <div className={styles.line}>
          <span className={styles.soft} role="status">
            {total === null || total <= runs.length ? many(runs.length) : `newest of ${many(total)}`}
          </span>
          <select
            aria-label="At most so many runs"
            value={search.most ?? MOST_AT_FIRST}
            onChange={(event) => {
              const most = MOSTS.find((each) => String(each) === event.target.value);
              go({ most: most === MOST_AT_FIRST ? undefined : most });
            }}
          >
            {MOSTS.map((most) => (
              <option key={most} value={most}>
                max {count(most)}
              </option>
            ))}
          </select>
          <span className={styles.spacer} />
          <Button
            kind="quiet"
            className={styles.small ?? ""}
            onClick={() => go({ none: undefined, turned: undefined })}
          >
            All
          </Button>
          <Button kind="quiet" className={styles.small ?? ""} onClick={() => go({ none: true, turned: undefined })}>
            None
          </Button>
        </div>
      </div>
      <ScrollRegion label="Runs" className={styles.list} scrollRef={scroll}>
        {items.length === 0 && <p className={styles.note}>No run holds “{text}”.</p>}
        <ul className={styles.body} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const item = items[index];
            if (item === undefined) return null;
            return (
              <li
                key={item.is === "group" ? `=${item.group}` : item.run.id}
                className={styles.place}
                style={{ transform: `translateY(${start}px)` }}
              >
                {item.is === "group" ? (
                  <GroupRow
                    group={item.group}
                    runs={item.runs}
                    shown={item.runs.filter(isShown).length}
                    isOpen={open.has(item.group) || text !== ""}
                    onOpen={() => setOpen(turned(open, item.group))}
                    onShow={(isOn) => go(withGroup(search, item.runs, isOn))}
                  />
                ) : (
                  <RunRow
                    workspace={scope.workspace}
                    run={item.run}
                    isShown={isShown(item.run)}
                    onTurn={() => go(withRunTurned(search, item.run.id))}
                    onOnly={() => go(onlyRun(item.run))}
                    onColor={() => setColored(item.run)}
                  />
                )}
              </li>
            );
          })}
        </ul>
      </ScrollRegion>
      <footer className={styles.foot}>
        <Live state={state} />
      </footer>
      <ColorDialog run={colored} onClose={() => setColored(null)} />
    </>
  );
}

const Live = ({ state }: { readonly state: Store<WatchState> }) => <LiveMark state={useStore(state)} />;

const many = (runs: number): string => `${count(runs)} ${runs === 1 ? "run" : "runs"}`;

function turned(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(names);
  if (!next.delete(name)) next.add(name);
  return next;
}

function itemsOf(runs: readonly ShownRun[], text: string, open: ReadonlySet<string>): Item[] {
  const passing = runs.filter((run) => run.displayName.toLowerCase().includes(text.toLowerCase()));
  const groups = namesOfGroups(passing.flatMap(({ group }) => group ?? []));
  if (groups.length === 0) return passing.map((run) => ({ is: "run", run }));
  const byGroup = Map.groupBy(passing, (run) => run.group ?? "");
  // Also of those that the search does not find: a group is shown and hidden as a whole.
  const whole = Map.groupBy(runs, (run) => run.group ?? "");
  const items: Item[] = [];
  for (const group of groups) {
    items.push({ is: "group", group, runs: whole.get(group) ?? [] });
    if (open.has(group) || text !== "") for (const run of byGroup.get(group) ?? []) items.push({ is: "run", run });
  }
  return items;
}
