import type { Range } from "~/charts/curve";

/** A range so many times closer around an x, and not beyond the whole; null where it is the whole. */
export function zoomedBy([from, to]: Range, times: number, around: number, whole: Range | null): Range | null {
  const [low, high] = [around - (around - from) / times, around + (to - around) / times];
  const [least, most] = whole ?? [low, high];
  if (whole !== null && low <= least && high >= most) return null;
  return [Math.max(low, least), Math.min(high, most)];
}

/** A range moved by a share of its width, in whole `unit`s, and not beyond another. */
export function movedBy([from, to]: Range, share: number, [low, high]: Range, unit: number): Range {
  const width = to - from;
  const units = Math.round(share / unit);
  const least = -Math.max(0, Math.floor((from - low) / width / unit));
  const most = Math.max(0, Math.floor((high - to) / width / unit));
  const by = Math.min(most, Math.max(least, units)) * unit * width;
  return [from + by, to + by];
}
