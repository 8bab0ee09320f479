import { chosenColors } from "~/charts/chosenColors";

/** Twenty colours that have a contrast of at least 3 on white and on #14161b. */
export const COLORS: readonly string[] = (
  "#1e69d2 #69a50f #2d7869 #7896c3 #c31e0f #5a87ff #699678 #0f6996 #c30fa5 #ff4ba5 " +
  "#5a3cff #d2005a #8778d2 #5a693c #87873c #f03cff #4b8787 #b42dc3 #5aa55a #ff5a5a"
).split(" ");

/** The colour of a run, everywhere and always: one that somebody chose, or one that depends on its id alone. */
export const colorOf = (runId: string): string => chosenColors().get(runId) ?? ownColorOf(runId);

/** The colour of a run for which nobody has chosen one. */
export function ownColorOf(runId: string): string {
  // FNV-1a: ids that differ in one digit must differ in colour too. http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0x811c9dc5;
  for (let place = 0; place < runId.length; place += 1) {
    hash = Math.imul(hash ^ runId.charCodeAt(place), 0x01000193) >>> 0;
  }
  return COLORS[hash % COLORS.length] ?? "";
}

/** The colour of one of several groups, by its place among them. */
export const colorOfGroup = (place: number): string => COLORS[place % COLORS.length] ?? "";
