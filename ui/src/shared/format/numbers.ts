const SIGNIFICANT_DIGITS = 4;
const LARGEST_PLAIN = 1e6;
const SMALLEST_PLAIN = 1e-4;

/** A number with four significant digits, so that columns of them can be compared at a glance. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= LARGEST_PLAIN || (size > 0 && size < SMALLEST_PLAIN)) {
    return minus(
      value
        .toExponential(SIGNIFICANT_DIGITS - 1)
        .replace(/\.?0+e/, "e")
        .replace("e+", "e"),
    );
  }
  if (Number.isInteger(value)) return minus(String(value));
  return minus(String(Number(value.toPrecision(SIGNIFICANT_DIGITS))));
}

/** A count with its thousands apart: 12,345. */
export const count = (value: number | bigint): string => value.toLocaleString("en-US");

/** Bytes in the largest fitting unit of 1,024: 1.5 MiB. */
export function bytes(size: number | bigint): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let left = Number(size);
  let unit = 0;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? left : left.toFixed(left < 10 ? 1 : 0)} ${units[unit]}`;
}

const minus = (text: string): string => text.replace(/^-/, "−");
