const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

const STEPS: readonly (readonly [number, Intl.RelativeTimeFormatUnit])[] = [
  [YEAR, "year"],
  [MONTH, "month"],
  [DAY, "day"],
  [HOUR, "hour"],
  [MINUTE, "minute"],
  [SECOND, "second"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "short" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

/** How long ago a time is, or how long until it: `3 min. ago`. Both in milliseconds since the Unix epoch. */
export function ago(time: number, now: number): string {
  const apart = time - now;
  for (const [size, unit] of STEPS) {
    if (Math.abs(apart) >= size) return relative.format(Math.trunc(apart / size), unit);
  }
  return "just now";
}

/** The whole time in the reader's zone. Milliseconds since the Unix epoch. */
export const fullTime = (time: number): string => full.format(time);

/** A span in its two largest units: `1 h 5 min`, `320 ms`. Milliseconds. */
export function duration(span: number): string {
  if (span < SECOND) return `${Math.max(0, Math.round(span))} ms`;
  if (span < MINUTE) return `${(span / SECOND).toFixed(1)} s`;
  if (span < HOUR) return two(span, MINUTE, "min", SECOND, "s");
  if (span < DAY) return two(span, HOUR, "h", MINUTE, "min");
  return two(span, DAY, "d", HOUR, "h");
}

function two(span: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((span % large) / small);
  const head = `${Math.floor(span / large)} ${largeUnit}`;
  return rest === 0 ? head : `${head} ${rest} ${smallUnit}`;
}
