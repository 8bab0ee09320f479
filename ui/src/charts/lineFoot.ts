import { isBucketed, within } from "~/charts/curve";
import type { LineView } from "~/charts/lineLayout";
import { count } from "~/shared/format/numbers";

/** What the chart does not show of what was logged where it looks at. */
export function lineFoot({ series, isLog, zoom }: LineView): string {
  const said: string[] = [];
  const logged = series.map(({ curve, band }) => (zoom === null ? (band ?? curve) : within(band ?? curve, zoom)));
  const buckets = Math.max(
    0,
    ...logged.map((each, place) => (series[place]?.band === undefined && isBucketed(each) ? each.xs.length : 0)),
  );
  if (series.some(({ band }) => band !== undefined)) said.push("means, and from min to max");
  if (buckets > 0) said.push(`${count(buckets)} buckets, min and max of each are kept`);
  const nan = logged.reduce((sum, { nans }) => sum + nans.reduce((one, other) => one + other, 0), 0);
  if (nan > 0) said.push(`${count(nan)} NaN (×)`);
  if (logged.some(({ mins, maxs }) => maxs.includes(Infinity) || mins.includes(-Infinity))) said.push("infinite (▲)");
  if (isLog && logged.some(({ mins }) => mins.some((value) => value <= 0))) said.push("0 and below left out");
  if (logged.every(({ xs }) => xs.length === 0)) said.push(zoom === null ? "no points" : "no points here");
  return said.join(" · ");
}
