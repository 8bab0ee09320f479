import type { Size } from "~/charts/canvas";
import { contextOf } from "~/charts/canvas";
import type { Inks } from "~/charts/inks";
import { drawAllSeries } from "~/charts/lineDrawing";
import type { Layout, LineView } from "~/charts/lineLayout";

/** Lines to be on a canvas. */
export interface LinePicture {
  readonly size: Size;
  readonly view: LineView;
  readonly layout: Layout;
  readonly inks: Inks;
}

/** How far pieces overlap, so that lines have no seam. */
const OVERLAP_PIXELS = 4;
/** What counts as a whole pixel. */
const EXACT = 0.01;

/**
 * The lines of a chart on a canvas. Where a picture differs from the one before in nothing but its place on the x axis,
 * what is there moves, and only what comes into sight is drawn: so a thousand lines follow a hand.
 */
export class LineLayer {
  #canvas: HTMLCanvasElement | null = null;
  #drawn: LinePicture | null = null;

  paint(canvas: HTMLCanvasElement, picture: LinePicture): void {
    const drawn = this.#canvas === canvas ? this.#drawn : null;
    const shift = drawn === null ? null : shiftBetween(drawn, picture);
    [this.#canvas, this.#drawn] = [canvas, picture];
    const context = contextOf(canvas, picture.size);
    if (context === null || shift === 0) return;
    if (shift !== null) move(context, picture, shift);
    else {
      context.clearRect(0, 0, picture.size.width, picture.size.height);
      drawAllSeries(context, picture.view, picture.layout, picture.inks);
    }
  }
}

/** By how many pixels of the screen the lines go to the left, from one picture to the next; null where they differ. */
function shiftBetween(before: LinePicture, after: LinePicture): number | null {
  const { size, view, layout, inks } = before;
  const [now, then] = [after.layout, layout];
  if (size !== after.size || view !== after.view || inks !== after.inks || then.y !== now.y) return null;
  const { left, right } = now.plot;
  const [atLeft, atRight] = [then.x.at(now.x.domain[0]) - left, then.x.at(now.x.domain[1]) - right];
  const exact = atLeft * globalThis.devicePixelRatio;
  const shift = Math.round(exact);
  const isMoved = Math.abs(atLeft - atRight) < EXACT && Math.abs(exact - shift) < EXACT;
  return isMoved && Math.abs(atLeft) < right - left ? shift : null;
}

function move(context: CanvasRenderingContext2D, picture: LinePicture, shift: number): void {
  const { canvas } = context;
  const { size, view, layout, inks } = picture;
  const scale = globalThis.devicePixelRatio;
  const [left, right] = [Math.ceil(layout.plot.left * scale), Math.floor(layout.plot.right * scale)];
  context.save();
  context.resetTransform();
  context.globalCompositeOperation = "copy";
  context.drawImage(canvas, -shift, 0);
  context.clearRect(0, 0, left, canvas.height);
  context.clearRect(right, 0, canvas.width - right, canvas.height);
  context.restore();
  const [from, to] = shift > 0 ? [right - shift, right] : [left, left - shift];
  // What moved in from the edge ended there.
  const [begin, end] = [(from - (shift > 0 ? 1 : 0)) / scale, (to + (shift > 0 ? 0 : 1)) / scale];
  context.save();
  context.clearRect(begin, 0, end - begin, size.height);
  context.beginPath();
  context.rect(begin, 0, end - begin, size.height);
  context.clip();
  drawAllSeries(context, view, pieceOf(layout, begin - OVERLAP_PIXELS, end + OVERLAP_PIXELS), inks);
  context.restore();
}

/** A part of a chart between two pixels. */
function pieceOf(layout: Layout, from: number, to: number): Layout {
  const left = Math.max(layout.plot.left, from);
  const right = Math.min(layout.plot.right, to);
  return {
    ...layout,
    plot: { ...layout.plot, left, right },
    x: { ...layout.x, domain: [layout.x.valueAt(left), layout.x.valueAt(right)] },
  };
}
