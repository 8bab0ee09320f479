import { useEffect, useEffectEvent } from "react";

import type { Draw, Size } from "~/charts/canvas";
import styles from "~/charts/Chart.module.css";
import { ExportMenu } from "~/charts/ExportMenu";

/** What a chart does with how it is drawn. */
export interface SavingProperties {
  /** Told how the chart is drawn into a file; without it, the chart has a menu of its own for that. */
  readonly onPicture?: ((picture: { readonly draw: Draw; readonly size: Size } | null) => void) | undefined;
}

interface Properties extends SavingProperties {
  /** The name of the file, without its ending. */
  readonly name: string;
  /** Another function where the chart is drawn otherwise. */
  readonly draw: Draw;
  readonly size: Size;
  readonly ground: string;
}

/** Lets people save a chart as a picture: here, or where they do it for all charts of a page. */
export function Saving({ onPicture, draw, size, ...menu }: Properties) {
  const tell = useEffectEvent((picture: { readonly draw: Draw; readonly size: Size } | null) => onPicture?.(picture));
  useEffect(() => tell({ draw, size }), [draw, size]);
  useEffect(() => () => tell(null), []);
  if (onPicture !== undefined) return null;
  return (
    <div className={styles.tools}>
      <ExportMenu draw={draw} size={size} {...menu} />
    </div>
  );
}
