/**
 * Colours from low to high. All have a contrast of at least 3 on white and on #14161b, so the order is one of hue, from
 * cold to warm, and of red, which people who confuse red and green see as from blue to yellow.
 */
const STOPS: readonly (readonly [number, number, number])[] = [
  [0x1e, 0x69, 0xd2],
  [0x6a, 0x5a, 0xd6],
  [0xa8, 0x46, 0xb8],
  [0xcf, 0x3c, 0x7c],
  [0xd9, 0x4b, 0x3a],
  [0xd0, 0x6f, 0x12],
  [0xb0, 0x8a, 0x1a],
];
/** So many different colours: lines of one colour are drawn at once. */
const STEPS = 48;

const RAMP = Array.from({ length: STEPS }, (_, step) => between(step / (STEPS - 1)));

/** The colour of a share from 0 to 1. */
export const rampAt = (share: number): string =>
  RAMP[Math.min(STEPS - 1, Math.max(0, Math.round(share * (STEPS - 1))))] ?? "";

function between(share: number): string {
  const place = share * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(place));
  const part = place - low;
  const mixed = (STOPS[low] ?? []).map((from, channel) => {
    const to = STOPS[low + 1]?.[channel] ?? from;
    return Math.round(from + (to - from) * part);
  });
  return `#${mixed.map((each) => each.toString(16).padStart(2, "0")).join("")}`;
}
