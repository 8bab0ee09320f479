import { ChevronDown, ChevronRight } from "lucide-react";
import { useMemo, useRef, useState } from "react";

import { useSize } from "~/charts/canvas";
import type { Panel, Section } from "~/features/charts/board";
import { isClosed } from "~/features/charts/board";
import styles from "~/features/charts/parts/Board.module.css";
import { GAP_PIXELS, LEAST_COLUMN_PIXELS } from "~/features/charts/parts/grid";
import type { Shared } from "~/features/charts/parts/PanelContent";
import { DRAGGED, PanelFrame } from "~/features/charts/parts/PanelFrame";
import type { PanelActions } from "~/features/charts/parts/PanelMenu";
import type { ChartsSearch } from "~/features/charts/search";
import { Empty } from "~/shared/components/Empty";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { count } from "~/shared/format/numbers";
import { useNearness } from "~/shared/hooks/useNear";

const NONE: readonly string[] = [];

interface Properties {
  readonly sections: readonly Section[];
  readonly shared: Shared;
  readonly actions: PanelActions;
  /** Moves a panel to a place of a section; places count without the panel. */
  readonly onMove: (id: string, section: string, place: number) => void;
  readonly search: ChartsSearch;
  readonly go: (change: Partial<ChartsSearch>, isStep?: boolean) => void;
}

/** The panels in their sections. Those near what is seen have content. */
export function Board({ sections, shared, actions, onMove, search, go }: Properties) {
  const scroll = useRef<HTMLDivElement>(null);
  const size = useSize(scroll);
  const nearness = useNearness(scroll);
  const [said, setSaid] = useState("");
  const room = (size?.width ?? 0) + GAP_PIXELS;
  const columns = Math.max(1, Math.floor(room / (LEAST_COLUMN_PIXELS + GAP_PIXELS)));
  const found = useMemo(() => holding(sections, search.find ?? ""), [sections, search.find]);
  const folded = search.folded ?? NONE;
  const toggle = (name: string): void => {
    const next = folded.includes(name) ? folded.filter((each) => each !== name) : [...folded, name];
    go({ folded: next.length === 0 ? undefined : next });
  };
  const idsIn = (section: string): string[] =>
    sections.find(({ name }) => name === section)?.panels.map(({ id }) => id) ?? [];
  const step = (panel: Panel, section: string, by: number): void => {
    const ids = idsIn(section);
    const place = Math.min(Math.max(ids.indexOf(panel.id) + by, 0), ids.length - 1);
    onMove(panel.id, section, place);
    setSaid(`${panel.title}: ${place + 1} of ${ids.length}`);
  };
  const drop = (id: string, section: string, target: string, isAfter: boolean): void => {
    const others = idsIn(section).filter((each) => each !== id);
    if (id !== target) onMove(id, section, others.indexOf(target) + (isAfter ? 1 : 0));
  };
  return (
    <ScrollRegion label="Panels" className={styles.board} scrollRef={scroll}>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {found.length === 0 && search.find !== undefined && <Empty title={`No panel holds “${search.find}”`} />}
      {found.map(({ name, panels }) => {
        const isOpen = !isClosed(name, folded);
        return (
          <section key={name} aria-label={headingOf(name)}>
            <div
              className={styles.heading}
              onDragOver={(event) => {
                if (event.dataTransfer.types.includes(DRAGGED)) event.preventDefault();
              }}
              onDrop={(event) => {
                event.preventDefault();
                onMove(event.dataTransfer.getData(DRAGGED), name, 0);
              }}
            >
              <h2>
                <button type="button" className={styles.fold} aria-expanded={isOpen} onClick={() => toggle(name)}>
                  {isOpen ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
                  {headingOf(name)}
                  <span className={styles.soft}>{count(panels.length)}</span>
                </button>
              </h2>
            </div>
            {isOpen && size !== null && (
              <div className={styles.grid} style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
                {panels.map((panel) => (
                  <PanelFrame
                    key={panel.id}
                    panel={panel}
                    shared={shared}
                    actions={actions}
                    columns={columns}
                    nearness={nearness}
                    onStep={(by) => step(panel, name, by)}
                    onDrop={(id, isAfter) => drop(id, name, panel.id, isAfter)}
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
