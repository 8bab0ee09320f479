import { ChevronDown, ChevronRight } from "lucide-react";
import { useMemo, useRef } from "react";

import { useSize } from "~/charts/canvas";
import type { Section } from "~/features/charts/board";
import { isClosed, withChange } from "~/features/charts/board";
import type { Look, ShownRun } from "~/features/charts/panel";
import styles from "~/features/charts/parts/Board.module.css";
import { PanelFrame } from "~/features/charts/parts/PanelFrame";
import type { ChartsSearch } from "~/features/charts/search";
import { wholeRange } from "~/charts/curve";
import { Empty } from "~/shared/components/Empty";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { count } from "~/shared/format/numbers";
import { useNearness } from "~/shared/hooks/useNear";

const LEAST_PANEL_PIXELS = 340;
const GAP_PIXELS = 12;
const NONE: readonly string[] = [];

interface Properties {
  readonly workspace: string;
  readonly sections: readonly Section[];
  readonly runs: readonly ShownRun[];
  readonly look: Look;
  readonly search: ChartsSearch;
  readonly go: (change: Partial<ChartsSearch>, isStep?: boolean) => void;
  readonly onOpen: (runId: string) => void;
}

/** The panels in their sections. Those near what is seen have content. */
export function Board({ workspace, sections, runs, look, search, go, onOpen }: Properties) {
  const scroll = useRef<HTMLDivElement>(null);
  const size = useSize(scroll);
  const nearness = useNearness(scroll);
  const columns = Math.max(1, Math.floor(((size?.width ?? 0) + GAP_PIXELS) / (LEAST_PANEL_PIXELS + GAP_PIXELS)));
  const found = useMemo(() => holding(sections, search.find ?? ""), [sections, search.find]);
  const folded = search.folded ?? NONE;
  const toggle = (name: string): void => {
    const next = folded.includes(name) ? folded.filter((each) => each !== name) : [...folded, name];
    go({ folded: next.length === 0 ? undefined : next });
  };
  return (
    <ScrollRegion label="Panels" className={styles.board} scrollRef={scroll}>
      {found.length === 0 && search.find !== undefined && <Empty title={`No panel holds “${search.find}”`} />}
      {found.map(({ name, panels }) => {
        const isOpen = !isClosed(name, folded);
        return (
          <section key={name} aria-label={headingOf(name)}>
            <h2 className={styles.heading}>
              <button type="button" className={styles.fold} aria-expanded={isOpen} onClick={() => toggle(name)}>
                {isOpen ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
                {headingOf(name)}
                <span className={styles.soft}>{count(panels.length)}</span>
              </button>
            </h2>
            {isOpen && size !== null && (
              <div className={styles.grid} style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
                {panels.map((panel) => (
                  <PanelFrame
                    key={panel.id}
                    workspace={workspace}
                    panel={panel}
                    columns={columns}
                    nearness={nearness}
                    runs={runs}
                    look={look}
                    zoom={search.zoom ?? null}
                    onZoom={(zoom) => go({ zoom: zoom === null ? undefined : wholeRange(zoom) })}
                    onSettings={(settings) => go({ panels: withChange(search.panels ?? {}, panel.id, { settings }) })}
                    onOpen={onOpen}
                  />
                ))}
              </div>
            )}
          </section>
        );
      })}
    </ScrollRegion>
  );
}

const headingOf = (name: string): string => (name === "" ? "without a prefix" : name);

function holding(sections: readonly Section[], text: string): readonly Section[] {
  if (text === "") return sections;
  return sections
    .map(({ name, panels }) => ({
      name,
      panels: panels.filter(({ title }) => title.toLowerCase().includes(text.toLowerCase())),
    }))
    .filter(({ panels }) => panels.length > 0);
}
