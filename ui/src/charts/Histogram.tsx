import { max } from "d3-array";
import { useMemo, useState } from "react";

import { xTicks } from "~/charts/axisTicks";
import type { Bin } from "~/charts/bins";
import type { Size } from "~/charts/canvas";
import { shortened } from "~/charts/frame";
import type { Inks } from "~/charts/inks";
import { drawAxes } from "~/charts/lineAxes";
import type { Layout } from "~/charts/lineLayout";
import { CHARACTER_PIXELS, LABEL_GAP } from "~/charts/lineLayout";
import type { MarkScene } from "~/charts/MarkPlot";
import { MarkPlot } from "~/charts/MarkPlot";
import type { Fact } from "~/charts/run";
import { scaleOf } from "~/charts/scale";
import type { SavingProperties } from "~/charts/Saving";
import type { Surface } from "~/charts/surface";
import { count, shortNumber } from "~/shared/format/numbers";

/** Runs that are counted with each other and have one colour. */
export interface HistogramPart {
  readonly label: string;
  readonly color: string;
  /** How many are in each bin. */
  readonly counts: readonly number[];
}

interface Properties extends SavingProperties {
  /** What is counted. */
  readonly title: string;
  readonly bins: readonly Pick<Bin, "label" | "range">[];
  /** From the lowest; those of a bin stand on each other. */
  readonly parts: readonly HistogramPart[];
  /** The bin that something is in which is pointed at elsewhere. */
  readonly lit: number | null;
}

const TOP = 8;
const BOTTOM = 38;
const RIGHT = 12;
const PIXELS_PER_TICK = 44;
/** Between intervals that touch, in pixels. */
const HAIR = 1;
/** Thinner ones touch. */
const LEAST_WITH_HAIR = 4;
/** Between categories, as a part of the room of one. */
const GAP = 0.2;
const MOST_FACTS = 8;

/** How many there are of each of some bins. */
export function Histogram({ title, bins, parts, lit, onPicture }: Properties) {
  const [pointed, setPointed] = useState<string | null>(null);
  const scene = useMemo(() => sceneOf(title, bins, parts), [title, bins, parts]);
  const marked = useMemo(() => bins.map(({ label }, place) => ({ id: String(place), name: label })), [bins]);
  const totals = totalsOf(bins, parts);
  const fullest = totals.indexOf(max(totals) ?? 0);
  return (
    <MarkPlot
      label={`Histogram of ${title}: ${count(totals.reduce((sum, each) => sum + each, 0))} in ${bins.length} bins, most (${count(totals[fullest] ?? 0)}) at ${bins[fullest]?.label ?? ""}.`}
      name={`histogram of ${title}`}
      marked={marked}
      scene={scene}
      factsOf={(place) => factsOf(parts, place)}
      hovered={pointed ?? (lit === null ? null : String(lit))}
      onHover={setPointed}
      onPicture={onPicture}
    />
  );
}

function factsOf(parts: readonly HistogramPart[], place: number): Fact[] {
  const there = parts.filter(({ counts }) => (counts[place] ?? 0) > 0);
  return there
    .slice(0, MOST_FACTS)
    .map(({ label, counts }) => ({ label, value: count(counts[place] ?? 0) }))
    .concat(there.length > MOST_FACTS ? [{ label: "others", value: `${there.length - MOST_FACTS}` }] : []);
}

const totalsOf = (bins: Properties["bins"], parts: readonly HistogramPart[]): number[] =>
  bins.map((_, place) => parts.reduce((sum, { counts }) => sum + (counts[place] ?? 0), 0));

function sceneOf(title: string, bins: Properties["bins"], parts: readonly HistogramPart[]): MarkScene {
  const totals = totalsOf(bins, parts);
  const highest = Math.max(1, max(totals) ?? 1);
  const layoutAt = (size: Size): Layout => {
    const bottom = Math.max(TOP + 1, size.height - BOTTOM);
    const ticks = xTicks("step", [0, highest], Math.max(2, Math.floor((bottom - TOP) / PIXELS_PER_TICK)));
    const left = Math.ceil(Math.max(2, ...ticks.map(({ label }) => label.length)) * CHARACTER_PIXELS) + LABEL_GAP + 2;
    const right = Math.max(left + 1, size.width - RIGHT);
    return {
      plot: { left, right, top: TOP, bottom },
      x: scaleOf([0, Math.max(1, bins.length)], [left, right]),
      y: scaleOf([0, highest], [bottom, TOP]),
      // Where bins begin and end is written by what they are.
      xTicks: [],
      yTicks: ticks,
    };
  };
  return {
    draw: (surface, size, inks) => {
      const layout = layoutAt(size);
      drawAxes(surface, layout, inks);
      drawBins(surface, layout, bins, parts);
      drawLabels(surface, layout, title, bins, inks);
    },
    markAt: (x, y, size) => {
      const { plot, x: across } = layoutAt(size);
      if (x < plot.left || x >= plot.right || y < plot.top || y > plot.bottom) return null;
      return Math.floor(across.valueAt(x));
    },
    spotOf: (place, size, inks) => {
      const { x, y } = layoutAt(size);
      const color = parts.length === 1 ? (parts[0]?.color ?? inks.strong) : inks.strong;
      return { x: x.at(place + 0.5), y: y.at(totals[place] ?? 0), color };
    },
    drawLit: (surface, place, size, inks) => {
      const { x, y } = layoutAt(size);
      const [left, right] = sidesOf(x, bins[place], place);
      surface.strokeStyle = inks.text;
      surface.lineWidth = 2;
      surface.strokeRect(left, y.at(totals[place] ?? 0), right - left, y.at(0) - y.at(totals[place] ?? 0));
    },
  };
}

function sidesOf(x: Layout["x"], bin: Properties["bins"][number] | undefined, place: number): [number, number] {
  const gap = bin?.range === null ? GAP / 2 : 0;
  const [left, right] = [x.at(place + gap), x.at(place + 1 - gap)];
  return [left, right - left < LEAST_WITH_HAIR ? right : right - HAIR];
}

function drawBins(surface: Surface, { x, y }: Layout, bins: Properties["bins"], parts: readonly HistogramPart[]): void {
  const below = bins.map(() => 0);
  for (const { color, counts } of parts) {
    surface.fillStyle = color;
    for (const [place, bin] of bins.entries()) {
      const from = below[place] ?? 0;
      const to = from + (counts[place] ?? 0);
      if (to === from) continue;
      const [left, right] = sidesOf(x, bin, place);
      surface.fillRect(left, y.at(to), right - left, y.at(from) - y.at(to));
      below[place] = to;
    }
  }
}

/** The ends of intervals at where they touch, and the names of categories below them. */
function drawLabels(surface: Surface, { plot, x }: Layout, title: string, bins: Properties["bins"], inks: Inks): void {
  surface.font = `11px ${inks.font}`;
  surface.fillStyle = inks.soft;
  surface.textAlign = "center";
  surface.textBaseline = "top";
  const room = x.at(1) - x.at(0);
  const ends = bins.flatMap(({ range }, place) => {
    if (range === null) return [];
    const next = bins[place + 1]?.range ?? null;
    return [{ at: place, value: range[0] }, ...(next === null ? [{ at: place + 1, value: range[1] }] : [])];
  });
  const texts = ends.map(({ at, value }) => ({ at, text: shortNumber(value) }));
  const widest = Math.max(0, ...texts.map(({ text }) => text.length)) * CHARACTER_PIXELS + 2 * LABEL_GAP;
  const stride = Math.max(1, Math.ceil(widest / room));
  for (const [place, { at, text }] of texts.entries()) {
    if (place % stride === 0) surface.fillText(text, x.at(at), plot.bottom + LABEL_GAP);
  }
  for (const [place, { label, range }] of bins.entries()) {
    if (range === null) surface.fillText(shortened(label, room - 2), x.at(place + 0.5), plot.bottom + LABEL_GAP);
  }
  surface.font = `600 11px ${inks.font}`;
  surface.fillStyle = inks.text;
  surface.textBaseline = "middle";
  surface.fillText(title, (plot.left + plot.right) / 2, plot.bottom + 30);
}
