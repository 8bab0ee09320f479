import type { ShownRun } from "~/features/charts/panel";
import type { ChartsSearch } from "~/features/charts/search";

type Visibility = Pick<ChartsSearch, "none" | "turned">;
type Grouped = Pick<ShownRun, "id" | "group">;

/** What `turned` calls a group: no id of a run looks like it. */
export const nameOfGroup = (group: string): string => `=${group}`;

/** Tells of runs whether panels show them. */
export function shows({ none = false, turned = [] }: Visibility): (run: Grouped) => boolean {
  const all = new Set(turned);
  return ({ id, group }) => {
    const isGroupTurned = group !== null && all.has(nameOfGroup(group));
    return !none !== (isGroupTurned !== all.has(id));
  };
}

/** Turns a run. */
export const withRunTurned = ({ turned = [] }: Visibility, id: string): Visibility => ({
  turned: kept(turned.includes(id) ? turned.filter((each) => each !== id) : [...turned, id]),
});

/** Shows all runs of a group, or none. */
export function withGroup(
  { none = false, turned = [] }: Visibility,
  runs: readonly Grouped[],
  isOn: boolean,
): Visibility {
  const group = runs[0]?.group;
  if (group == null) return {};
  const members = new Set(runs.map((run) => run.id));
  const name = nameOfGroup(group);
  const others = turned.filter((each) => each !== name && !members.has(each));
  return { turned: kept(isOn === none ? [...others, name] : others) };
}

/** What is turned where these runs are grouped by something else; what was turned within a turned group means nothing then. */
export function withoutGroups({ turned = [] }: Visibility, runs: readonly Grouped[]): Visibility {
  const all = new Set(turned);
  const within = new Set(runs.flatMap(({ id, group }) => (group !== null && all.has(nameOfGroup(group)) ? [id] : [])));
  return { turned: kept(turned.filter((each) => !each.startsWith("=") && !within.has(each))) };
}

/** Shows one run alone. */
export const onlyRun = ({ id }: Grouped): Visibility => ({ none: true, turned: [id] });

const kept = (turned: readonly string[]): readonly string[] | undefined => (turned.length === 0 ? undefined : turned);
