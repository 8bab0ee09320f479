import type { Draw, Size } from "~/charts/canvas";
import { SvgSurface } from "~/charts/surface";

/** Pixels of a file for each of the screen: pictures are looked at enlarged, and printed. */
const PNG_SCALE = 2;

/** A chart as the text of an SVG. */
export function svgOf(draw: Draw, size: Size, ground: string): string {
  const surface = new SvgSurface();
  surface.fillStyle = ground;
  surface.fillRect(0, 0, size.width, size.height);
  draw(surface, size);
  return surface.picture(size.width, size.height);
}

/** A chart as a PNG. */
export async function pngOf(draw: Draw, size: Size, ground: string): Promise<Blob> {
  const canvas = new OffscreenCanvas(size.width * PNG_SCALE, size.height * PNG_SCALE);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser draws no pictures");
  context.scale(PNG_SCALE, PNG_SCALE);
  context.fillStyle = ground;
  context.fillRect(0, 0, size.width, size.height);
  draw(context, size);
  return canvas.convertToBlob({ type: "image/png" });
}
