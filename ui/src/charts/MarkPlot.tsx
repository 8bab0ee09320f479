import type { PointerEvent } from "react";
import { useCallback, useRef, useState } from "react";

import type { Size } from "~/charts/canvas";
import { useDrawing, useSize } from "~/charts/canvas";
import styles from "~/charts/Chart.module.css";
import type { Inks } from "~/charts/inks";
import { useInks } from "~/charts/inks";
import type { Fact } from "~/charts/run";
import type { SavingProperties } from "~/charts/Saving";
import { Saving } from "~/charts/Saving";
import type { Surface } from "~/charts/surface";
import { Tip } from "~/charts/Tip";

/** What a chart has a mark for: a run, a group of runs, an interval. */
export interface Marked {
  readonly id: string;
  readonly name: string;
}

/** Where a mark is pointed at, in pixels, and the colour that it has. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly color: string;
}

/** A picture with marks, by their places. None of its functions changes while what is shown does not. */
export interface MarkScene {
  readonly draw: (surface: Surface, size: Size, inks: Inks) => void;
  /** The mark at some pixel; null where none is. */
  readonly markAt: (x: number, y: number, size: Size, inks: Inks) => number | null;
  /** Null for what has no mark. */
  readonly spotOf: (place: number, size: Size, inks: Inks) => Spot | null;
  /** Draws the sign of a mark that is pointed at. */
  readonly drawLit: (surface: Surface, place: number, size: Size, inks: Inks) => void;
}

interface Properties extends SavingProperties {
  /** What it shows: a sentence. */
  readonly label: string;
  /** The name of files that it is saved as. */
  readonly name: string;
  readonly marked: readonly Marked[];
  readonly scene: MarkScene;
  readonly factsOf: (place: number) => readonly Fact[];
  /** The id of what is pointed at, here or elsewhere. */
  readonly hovered: string | null;
  readonly onHover: (id: string | null) => void;
  /** Where it is absent, there is nothing to open. */
  readonly onOpen?: ((id: string) => void) | undefined;
}

/** A chart whose marks can be pointed at, and opened. */
export function MarkPlot({ label, name, marked, scene, factsOf, hovered, onHover, onOpen, onPicture }: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  const inks = useInks();
  const [isPointing, setPointing] = useState(false);
  const draw = useCallback((surface: Surface, at: Size) => scene.draw(surface, at, inks), [scene, inks]);
  useDrawing(canvas, size, draw);
  const place = hovered === null ? -1 : marked.findIndex((each) => each.id === hovered);
  const drawAbove = useCallback(
    (surface: Surface, at: Size) => {
      if (place >= 0) scene.drawLit(surface, place, at, inks);
    },
    [scene, place, inks],
  );
  useDrawing(above, size, drawAbove);
  const spot = size === null || place < 0 || !isPointing ? null : scene.spotOf(place, size, inks);
  const onMove = (event: PointerEvent<HTMLDivElement>): void => {
    if (size === null) return;
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const found = scene.markAt(event.clientX - left, event.clientY - top, size, inks);
    setPointing(found !== null);
    onHover(found === null ? null : (marked[found]?.id ?? null));
  };
  return (
    <div
      ref={box}
      className={`${styles.chart} ${isPointing && onOpen !== undefined ? styles.pointing : ""}`}
      onPointerMove={onMove}
      onPointerLeave={() => {
        setPointing(false);
        onHover(null);
      }}
    >
      <canvas ref={canvas} role="img" aria-label={label} />
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions, jsx-a11y/click-events-have-key-events -- keyboards open runs by the links of the list or table beside the chart */}
      <canvas ref={above} aria-hidden onClick={() => isPointing && hovered !== null && onOpen?.(hovered)} />
      {size !== null && spot !== null && (
        <Tip
          x={spot.x}
          y={spot.y}
          within={size}
          title={marked[place]?.name ?? ""}
          color={spot.color}
          facts={factsOf(place)}
        />
      )}
      {size !== null && <Saving name={name} draw={draw} size={size} ground={inks.ground} onPicture={onPicture} />}
    </div>
  );
}
