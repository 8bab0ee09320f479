import { Suspense, useRef } from "react";

import type { Range } from "~/charts/curve";
import type { Panel } from "~/features/charts/board";
import { KINDS } from "~/features/charts/kinds";
import type { Changes, Look, ShownRun } from "~/features/charts/panel";
import styles from "~/features/charts/parts/PanelFrame.module.css";
import { usePointed, usePointing } from "~/features/charts/pointing";
import type { Nearness } from "~/shared/hooks/useNear";
import { useNear } from "~/shared/hooks/useNear";

const NO_CHANGES: Changes = { now: 0, since: () => new Set() };
const nothing = (): void => undefined;

interface Properties extends Inside {
  /** How many columns the grid has. */
  readonly columns: number;
  readonly nearness: Nearness;
}

interface Inside {
  readonly workspace: string;
  readonly panel: Panel;
  readonly runs: readonly ShownRun[];
  readonly look: Look;
  readonly zoom: Range | null;
  readonly onZoom: (zoom: Range | null) => void;
  readonly onSettings: (settings: unknown) => void;
  readonly onOpen: (runId: string) => void;
}

/** A panel with its title and what can be done with it. Far from what is seen, it only keeps its room. */
export function PanelFrame({ columns, nearness, ...inside }: Properties) {
  const frame = useRef<HTMLElement>(null);
  const isNear = useNear(frame, nearness);
  const { title, size } = inside.panel;
  return (
    <figure
      ref={frame}
      className={styles.frame}
      aria-label={title}
      style={{ gridColumn: `span ${Math.min(size[0], columns)}`, gridRow: `span ${size[1]}` }}
    >
      <figcaption className={styles.head}>
        <span className={styles.title} title={title}>
          {title}
        </span>
      </figcaption>
      <div className={styles.place}>{isNear && <Content {...inside} />}</div>
    </figure>
  );
}

function Content({ workspace, panel, runs, look, zoom, onZoom, onSettings, onOpen }: Inside) {
  const pointing = usePointing();
  const { lit, cursor } = usePointed();
  const { Body } = KINDS[panel.kind];
  return (
    <Suspense>
      <Body
        workspace={workspace}
        runs={runs}
        settings={panel.settings}
        onSettings={onSettings}
        look={look}
        lit={lit}
        onLight={pointing.light}
        zoom={zoom}
        onZoom={onZoom}
        cursor={cursor}
        onCursor={pointing.point}
        changes={NO_CHANGES}
        onPicture={nothing}
        onOpen={onOpen}
      />
    </Suspense>
  );
}
