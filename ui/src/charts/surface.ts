/** What charts are drawn on: a canvas, or a picture of lines that is kept as SVG. */
export type Surface = Pick<
  CanvasRenderingContext2D,
  | "arc"
  | "beginPath"
  | "closePath"
  | "fill"
  | "fillRect"
  | "fillStyle"
  | "fillText"
  | "font"
  | "globalAlpha"
  | "lineJoin"
  | "lineTo"
  | "lineWidth"
  | "moveTo"
  | "rect"
  | "setLineDash"
  | "stroke"
  | "strokeRect"
  | "strokeStyle"
  | "strokeText"
  | "textAlign"
  | "textBaseline"
>;

const ANCHORS: Readonly<Record<CanvasTextAlign, string>> = {
  left: "start",
  start: "start",
  center: "middle",
  right: "end",
  end: "end",
};
const BASELINES: Partial<Record<CanvasTextBaseline, string>> = { middle: "central", top: "hanging" };

/** Keeps what is drawn as the elements of an SVG. */
export class SvgSurface implements Surface {
  fillStyle: Surface["fillStyle"] = "#000";
  strokeStyle: Surface["strokeStyle"] = "#000";
  font = "11px sans-serif";
  globalAlpha = 1;
  lineJoin: CanvasLineJoin = "miter";
  lineWidth = 1;
  textAlign: CanvasTextAlign = "left";
  textBaseline: CanvasTextBaseline = "alphabetic";
  readonly #elements: string[] = [];
  #path: string[] = [];
  #dash = "";

  setLineDash(lengths: readonly number[]): void {
    this.#dash = lengths.length === 0 ? "" : ` stroke-dasharray="${lengths.map(short).join(" ")}"`;
  }

  beginPath(): void {
    this.#path = [];
  }

  closePath(): void {
    this.#path.push("Z");
  }

  moveTo(x: number, y: number): void {
    this.#path.push(`M${short(x)} ${short(y)}`);
  }

  lineTo(x: number, y: number): void {
    this.#path.push(`L${short(x)} ${short(y)}`);
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.#path.push(`M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}Z`);
  }

  /** Whole circles alone: charts draw no other arcs. */
  arc(x: number, y: number, radius: number): void {
    const r = short(radius);
    this.#path.push(
      `M${short(x + radius)} ${short(y)}A${r} ${r} 0 1 1 ${short(x - radius)} ${short(y)}` +
        `A${r} ${r} 0 1 1 ${short(x + radius)} ${short(y)}Z`,
    );
  }

  stroke(): void {
    const attributes = `fill="none" ${this.#line()}`;
    this.#elements.push(`<path d="${this.#path.join("")}" ${attributes}/>`);
  }

  fill(): void {
    this.#elements.push(`<path d="${this.#path.join("")}" ${this.#ground()}/>`);
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    this.#elements.push(`<rect ${box(x, y, width, height)} ${this.#ground()}/>`);
  }

  strokeRect(x: number, y: number, width: number, height: number): void {
    this.#elements.push(`<rect ${box(x, y, width, height)} fill="none" ${this.#line()}/>`);
  }

  fillText(text: string, x: number, y: number): void {
    this.#text(text, x, y, this.#ground());
  }

  strokeText(text: string, x: number, y: number): void {
    this.#text(text, x, y, `fill="none" ${this.#line()}`);
  }

  /** The picture, with all that was drawn. */
  picture(width: number, height: number): string {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}">${this.#elements.join("")}</svg>`
    );
  }

  #text(text: string, x: number, y: number, paint: string): void {
    const [, size = "11", family = "sans-serif"] = /(\d+)px (.*)$/.exec(this.font) ?? [];
    const weight = this.font.startsWith("600") ? ' font-weight="600"' : "";
    const baseline = BASELINES[this.textBaseline];
    this.#elements.push(
      `<text x="${short(x)}" y="${short(y)}" font-size="${size}" font-family="${escaped(family)}"${weight} ` +
        `text-anchor="${ANCHORS[this.textAlign]}"` +
        `${baseline === undefined ? "" : ` dominant-baseline="${baseline}"`} ${paint}>${escaped(text)}</text>`,
    );
  }

  #line(): string {
    return `stroke="${escaped(plain(this.strokeStyle))}" stroke-width="${this.lineWidth}" stroke-linejoin="${this.lineJoin}"${this.#dash}${this.#alpha()}`;
  }

  #ground(): string {
    return `fill="${escaped(plain(this.fillStyle))}"${this.#alpha()}`;
  }

  #alpha(): string {
    return this.globalAlpha === 1 ? "" : ` opacity="${this.globalAlpha}"`;
  }
}

/** Charts paint with plain colours alone. */
const plain = (style: Surface["fillStyle"]): string => (typeof style === "string" ? style : "none");

const short = (value: number): string => String(Math.round(value * 100) / 100);

const box = (x: number, y: number, width: number, height: number): string =>
  `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;

const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // XML has no other control characters, not even escaped ones.
    .replace(/[^\t\n\r\u0020-\uffff]/g, "\ufffd");
