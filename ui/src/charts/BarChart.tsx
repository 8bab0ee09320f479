import { useMemo } from "react";

import type { Bar, BarLayout } from "~/charts/bars";
import { barLayoutOf, hasLength } from "~/charts/bars";
import type { Size } from "~/charts/canvas";
import { shortened } from "~/charts/frame";
import type { Inks } from "~/charts/inks";
import { drawAxes } from "~/charts/lineAxes";
import { LABEL_GAP } from "~/charts/lineLayout";
import type { MarkScene } from "~/charts/MarkPlot";
import { MarkPlot } from "~/charts/MarkPlot";
import type { Fact } from "~/charts/run";
import type { SavingProperties } from "~/charts/Saving";
import type { Surface } from "~/charts/surface";
import { shortNumber } from "~/shared/format/numbers";

interface Properties extends SavingProperties {
  /** What their lengths are. */
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly isLog: boolean;
  readonly hovered: string | null;
  readonly onHover: (id: string | null) => void;
  readonly onOpen?: ((id: string) => void) | undefined;
}

/** Bars thinner than this have no gaps. */
const LEAST_WITH_GAP = 4;
const GAP_SHARE = 0.2;
const CAP_SHARE = 0.25;

/** A number of runs or groups as bars below each other. */
export function BarChart({ title, bars, isLog, ...events }: Properties) {
  const scene = useMemo(() => sceneOf(title, bars, isLog), [title, bars, isLog]);
  return (
    <MarkPlot
      {...events}
      label={`Bars of ${title}: ${bars.length}, ${said(bars)}.`}
      name={`${title} as bars`}
      marked={bars}
      scene={scene}
      factsOf={(place) => factsOf(title, bars[place])}
    />
  );
}

function factsOf(title: string, bar: Bar | undefined): Fact[] {
  if (bar === undefined) return [];
  if (bar.range === null) return [{ label: title, value: shortNumber(bar.value) }];
  return [
    { label: `mean ${title}`, value: shortNumber(bar.value) },
    { label: "smallest", value: shortNumber(bar.range[0]) },
    { label: "largest", value: shortNumber(bar.range[1]) },
  ];
}

const SAID = 3;

/** The first bars in words, for who does not see them. */
function said(bars: readonly Bar[]): string {
  const first = bars.slice(0, SAID).map(({ name, value }) => `${name} ${shortNumber(value)}`);
  return [...first, ...(bars.length > SAID ? ["and more"] : [])].join(", ");
}

function sceneOf(title: string, bars: readonly Bar[], isLog: boolean): MarkScene {
  // Where bars are depends on the size alone, and pointing asks for it at each move.
  let known: { readonly size: Size; readonly layout: BarLayout } | null = null;
  const layoutAt = (size: Size): BarLayout => {
    if (known?.size !== size) known = { size, layout: barLayoutOf(bars, isLog, size) };
    return known.layout;
  };
  const endOf = ({ x }: BarLayout, value: number): number => (hasLength(value, isLog) ? x.at(value) : zeroOf(x));
  return {
    draw: (surface, size, inks) => drawBars(surface, layoutAt(size), title, bars, isLog, inks),
    markAt: (_, y, size) => {
      const { plot, row } = layoutAt(size);
      const place = Math.floor((y - plot.top) / row);
      return place >= 0 && place < bars.length ? place : null;
    },
    spotOf: (place, size) => {
      const bar = bars[place];
      const layout = layoutAt(size);
      return bar === undefined
        ? null
        : { x: endOf(layout, bar.value), y: layout.plot.top + (place + 0.5) * layout.row, color: bar.color };
    },
    drawLit: (surface, place, size, inks) => {
      const bar = bars[place];
      if (bar === undefined) return;
      const { x, y, width, height } = boxOf(layoutAt(size), place, bar.value, isLog);
      surface.strokeStyle = inks.text;
      surface.lineWidth = 2;
      surface.strokeRect(x - 1, y - 1, width + 2, height + 2);
    },
  };
}

const zeroOf = ({ isLog, domain, at }: BarLayout["x"]): number => at(isLog ? domain[0] : 0);

function boxOf({ plot, x, row }: BarLayout, place: number, value: number, isLog: boolean) {
  const gap = row < LEAST_WITH_GAP ? 0 : row * GAP_SHARE;
  const zero = zeroOf(x);
  const end = hasLength(value, isLog) ? x.at(value) : zero;
  return {
    x: Math.min(zero, end),
    y: plot.top + place * row + gap / 2,
    width: Math.abs(end - zero),
    height: row - gap,
  };
}

function drawBars(
  surface: Surface,
  layout: BarLayout,
  title: string,
  bars: readonly Bar[],
  isLog: boolean,
  inks: Inks,
): void {
  const { plot, x, row, hasNames } = layout;
  drawAxes(surface, { plot, x, y: x, xTicks: layout.ticks, yTicks: [] }, inks);
  for (const [place, bar] of bars.entries()) {
    const box = boxOf(layout, place, bar.value, isLog);
    surface.fillStyle = bar.color;
    surface.fillRect(box.x, box.y, box.width, box.height);
    if (bar.range !== null) drawRange(surface, layout, place, bar.range, isLog, inks);
  }
  surface.textBaseline = "middle";
  if (hasNames) {
    surface.font = `11px ${inks.font}`;
    for (const [place, { name, value, range }] of bars.entries()) {
      const y = plot.top + (place + 0.5) * row;
      surface.fillStyle = inks.text;
      surface.textAlign = "right";
      surface.fillText(shortened(name, plot.left - LABEL_GAP), plot.left - LABEL_GAP, y);
      surface.textAlign = "left";
      const ends = [value, ...(range ?? [])].filter((each) => hasLength(each, isLog)).map(x.at);
      surface.fillText(shortNumber(value), Math.max(zeroOf(x), ...ends) + LABEL_GAP, y);
    }
  }
  surface.strokeStyle = inks.strong;
  surface.lineWidth = 1;
  surface.beginPath();
  const zero = Math.round(zeroOf(x)) + 0.5;
  surface.moveTo(zero, plot.top);
  surface.lineTo(zero, plot.bottom);
  surface.stroke();
  surface.font = `600 11px ${inks.font}`;
  surface.fillStyle = inks.text;
  surface.textAlign = "center";
  surface.fillText(`${title}${isLog ? " (log)" : ""}`, (plot.left + plot.right) / 2, plot.bottom + 30);
}

/** From the smallest to the largest value of a group. */
function drawRange(
  surface: Surface,
  { plot, x, row }: BarLayout,
  place: number,
  range: readonly [number, number],
  isLog: boolean,
  inks: Inks,
): void {
  const [low, high] = range.map((value) => (hasLength(value, isLog) ? x.at(value) : zeroOf(x)));
  if (low === undefined || high === undefined) return;
  const middle = plot.top + (place + 0.5) * row;
  const cap = row * CAP_SHARE;
  surface.strokeStyle = inks.text;
  surface.lineWidth = 1;
  surface.beginPath();
  surface.moveTo(low, middle);
  surface.lineTo(high, middle);
  for (const end of [low, high]) {
    surface.moveTo(end, middle - cap);
    surface.lineTo(end, middle + cap);
  }
  surface.stroke();
}
