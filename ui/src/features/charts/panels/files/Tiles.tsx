import type { ReactNode } from "react";

import type { ShownRun } from "~/features/charts/panel";
import styles from "~/features/charts/panels/files/Files.module.css";
import { PathLink } from "~/shared/components/PathLink";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { runPath } from "~/shared/links";

interface Properties {
  readonly workspace: string;
  /** What the tiles show. */
  readonly label: string;
  readonly tiles: readonly Tile[];
  readonly lit: string | null;
  readonly onLight: (runId: string | null) => void;
  /** Whether a tile needs the width of a table. */
  readonly isWide?: boolean;
}

export interface Tile {
  readonly run: ShownRun;
  /** What is said beside the name of the run. */
  readonly note: string;
  readonly content: ReactNode;
}

/** What runs have, side by side. */
export function Tiles({ workspace, label, tiles, lit, onLight, isWide = false }: Properties) {
  return (
    <ScrollRegion label={label} className={`${styles.tiles} ${isWide ? styles.wide : ""}`}>
      {tiles.map(({ run, note, content }) => (
        <figure
          key={run.id}
          className={`${styles.tile} ${run.id === lit ? styles.lit : ""}`}
          aria-label={`${label} of ${run.displayName}`}
          onPointerEnter={() => onLight(run.id)}
          onPointerLeave={() => onLight(null)}
        >
          <figcaption className={styles.caption}>
            <span className={styles.swatch} style={{ background: run.color }} />
            <PathLink path={runPath(workspace, run.id)} className={styles.name} title={run.displayName}>
              {run.displayName}
            </PathLink>
            <span className={styles.note}>{note}</span>
          </figcaption>
          {content}
        </figure>
      ))}
    </ScrollRegion>
  );
}
