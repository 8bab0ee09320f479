import { GripVertical } from "lucide-react";
import type { DragEvent, KeyboardEvent } from "react";
import { useRef, useState } from "react";

import type { Panel } from "~/features/charts/board";
import type { Shared } from "~/features/charts/parts/PanelContent";
import { PanelContent } from "~/features/charts/parts/PanelContent";
import styles from "~/features/charts/parts/PanelFrame.module.css";
import type { PanelActions } from "~/features/charts/parts/PanelMenu";
import { PanelMenu } from "~/features/charts/parts/PanelMenu";
import { usePicture } from "~/features/charts/parts/usePicture";
import { SizeHandle } from "~/features/charts/parts/SizeHandle";
import { IconButton } from "~/shared/components/Button";
import type { Nearness } from "~/shared/hooks/useNear";
import { useNear } from "~/shared/hooks/useNear";

/** What a panel is while it is dragged. */
export const DRAGGED = "application/x-trivet-panel";

interface Properties {
  readonly panel: Panel;
  readonly shared: Shared;
  readonly actions: PanelActions;
  /** How many columns the grid has. */
  readonly columns: number;
  readonly nearness: Nearness;
  /** Moves it by some places in its section. */
  readonly onStep: (by: number) => void;
  /** Told which panel was dropped on it, before its middle or after. */
  readonly onDrop: (id: string, isAfter: boolean) => void;
}

/** A panel with its title and what can be done with it. Far from what is seen, it only keeps its room. */
export function PanelFrame({ panel, shared, actions, columns, nearness, onStep, onDrop }: Properties) {
  const frame = useRef<HTMLElement>(null);
  const { picture, onPicture } = usePicture();
  const isNear = useNear(frame, nearness);
  const [pulled, setPulled] = useState<Panel["size"] | null>(null);
  const [side, setSide] = useState<"before" | "after" | null>(null);
  const { title } = panel;
  const [wide, high] = pulled ?? panel.size;
  const over = (event: DragEvent<HTMLElement>): void => {
    if (!event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setSide(event.clientX > left + width / 2 ? "after" : "before");
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setSide(null);
    onDrop(event.dataTransfer.getData(DRAGGED), side === "after");
  };
  return (
    <div
      className={`${styles.cell} ${side === null ? "" : styles[side]}`}
      style={{ gridColumn: `span ${Math.min(wide, columns)}`, gridRow: `span ${high}` }}
      onDragOver={over}
      onDragLeave={() => setSide(null)}
      onDrop={drop}
    >
      <figure ref={frame} className={styles.frame} aria-label={title}>
        <figcaption>
          <div
            className={styles.head}
            draggable
            onDragStart={(event) => {
              event.dataTransfer.setData(DRAGGED, panel.id);
              event.dataTransfer.effectAllowed = "move";
            }}
          >
            {isNear && <Grip title={title} onStep={onStep} />}
            <button
              type="button"
              className={styles.title}
              title={`Only ${title}`}
              onClick={() => actions.onOpen(panel.id)}
            >
              {title}
            </button>
            {isNear && <PanelMenu panel={panel} shared={shared} actions={actions} frame={frame} picture={picture} />}
          </div>
        </figcaption>
        <div className={styles.place}>
          {isNear && <PanelContent panel={panel} shared={shared} actions={actions} onPicture={onPicture} />}
        </div>
        {isNear && (
          <SizeHandle
            title={title}
            frame={frame}
            size={panel.size}
            columns={columns}
            onPull={setPulled}
            onSize={(size) => {
              setPulled(null);
              actions.onChange(panel.id, { size });
            }}
          />
        )}
      </figure>
    </div>
  );
}

/** Where a panel is taken by the mouse; arrow keys move it. */
function Grip({ title, onStep }: { readonly title: string; readonly onStep: (by: number) => void }) {
  const press = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    onStep(by);
  };
  return (
    <IconButton
      label={`Move ${title}: drag it, or use the arrow keys`}
      icon={<GripVertical />}
      className={styles.grip ?? ""}
      onKeyDown={press}
    />
  );
}
