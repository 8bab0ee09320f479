import { scaleTime } from "d3-scale";

import type { Range, XAxis } from "~/charts/curve";
import { linearTicks, logTicks } from "~/charts/ticks";
import { count } from "~/shared/format/numbers";
import { shortNumber } from "~/shared/format/numbers";
import { duration } from "~/shared/format/times";

/** A number on an axis, and what is written there. */
export interface AxisTick {
  readonly value: number;
  readonly label: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Steps that people count time in, in milliseconds. Below a second and above a day it is the round numbers. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30]
  .flatMap((each) => [each * SECOND, each * MINUTE])
  .concat([1, 2, 3, 6, 12].map((each) => each * HOUR))
  .toSorted((one, other) => one - other);
const MOST_DIGITS = 15;

/** About so many places on an axis of steps or times. */
export function xTicks(axis: XAxis, [from, to]: Range, about: number): AxisTick[] {
  if (axis === "time") {
    const scale = scaleTime().domain([from, to]);
    const label = scale.tickFormat(about);
    return scale.ticks(about).map((time) => ({ value: time.getTime(), label: label(time) }));
  }
  if (axis === "relative") return relativeTicks(from, to, about).map((value) => ({ value, label: spanLabel(value) }));
  const whole = linearTicks(from, to, about).filter(Number.isInteger);
  return whole.map((value) => ({ value, label: stepLabel(value, whole) }));
}

/** About so many places on an axis of values. */
export function yTicks([from, to]: Range, isLog: boolean, about: number): AxisTick[] {
  const values = (isLog ? logTicks : linearTicks)(from, to, about).filter((value) => value >= from && value <= to);
  const short = values.map(shortNumber);
  // Far into a line, numbers differ in later digits than are shown elsewhere.
  for (let digits = 5; new Set(short).size < values.length && digits <= MOST_DIGITS; digits += 1) {
    short.splice(0, short.length, ...values.map((value) => String(Number(value.toPrecision(digits)))));
  }
  return values.map((value, place) => ({ value, label: short[place] ?? "" }));
}

function relativeTicks(from: number, to: number, about: number): number[] {
  const wanted = (to - from) / about;
  if (wanted < SECOND) return linearTicks(from, to, about);
  const step = TIME_STEPS.find((each) => each >= wanted);
  if (step === undefined) return linearTicks(from / DAY, to / DAY, about).map((days) => days * DAY);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, place) => (first + place) * step);
}

const spanLabel = (millis: number): string => {
  if (millis === 0) return "0";
  const label = duration(Math.abs(millis)).replace(/\.0 s$/, " s");
  return millis < 0 ? `−${label}` : label;
};

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

function stepLabel(value: number, all: readonly number[]): string {
  const short = all.map((each) => compact.format(each));
  return Math.abs(value) < 10_000 || new Set(short).size < all.length ? count(value) : compact.format(value);
}
