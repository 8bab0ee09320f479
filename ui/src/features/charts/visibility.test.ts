import { expect, test } from "vitest";

import { onlyRun, shows, withGroup, withoutGroups, withRunTurned } from "~/features/charts/visibility";

const run = (id: string, group: string | null = null) => ({ id, group });
const shown = (visibility: Parameters<typeof shows>[0], runs: readonly ReturnType<typeof run>[]): string =>
  runs
    .filter(shows(visibility))
    .map(({ id }) => id)
    .join("");

test("runs are hidden one by one, and one is shown alone", () => {
  const runs = [run("a"), run("b"), run("c")];
  const one = withRunTurned({}, "b");
  expect(shown(one, runs)).toBe("ac");
  expect(withRunTurned(one, "b")).toEqual({ turned: undefined });
  expect(shown(onlyRun(run("c")), runs)).toBe("c");
  expect(shown({ none: true }, runs)).toBe("");
});

test("a group is hidden with all its runs, and a run of it shown again", () => {
  const runs = [run("a", "x"), run("b", "x"), run("c", "y")];
  const off = withGroup(withRunTurned({}, "a"), runs.slice(0, 2), false);
  expect(shown(off, runs)).toBe("c");
  const but = { ...off, ...withRunTurned(off, "b") };
  expect(shown(but, runs)).toBe("bc");
  expect(shown({ ...but, ...withGroup(but, runs.slice(0, 2), true) }, runs)).toBe("abc");
  expect(shown({ none: true, ...withGroup({ none: true }, runs.slice(0, 2), true) }, runs)).toBe("ab");
  expect(withoutGroups(but, runs)).toEqual({ turned: undefined });
  expect(withoutGroups({ turned: ["=x", "b", "c"] }, runs)).toEqual({ turned: ["c"] });
});
