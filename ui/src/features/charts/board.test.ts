import { expect, test } from "vitest";

import { isClosed, newId, sectionsOf, withChange, withMoved } from "~/features/charts/board";
import type { PanelChanges } from "~/features/charts/search";

const KEYS = ["a/x", "a/y", "a/z", "loss", "system/cpu"];

const drawn = (changes: PanelChanges): string =>
  sectionsOf(KEYS, changes)
    .map(({ name, panels }) => `${name}(${panels.map(({ title }) => title).join(" ")})`)
    .join(" ");

test("metrics have panels under what stands before their first slash, those of the system last", () => {
  expect(drawn({})).toBe("(loss) a(a/x a/y a/z) system(system/cpu)");
});

test("panels that were added come first, those that were taken away are gone", () => {
  const changes: PanelChanges = {
    p1: { kind: "lines", settings: { metrics: ["loss", "a/x"] } },
    p2: { kind: "no kind" },
    "metric:a/y": { isGone: true },
    "metric:loss": { settings: { metrics: ["loss", "b"] } },
  };
  expect(drawn(changes)).toBe("Added(loss, a/x) (loss, b) a(a/x a/z) system(system/cpu)");
  expect(newId(changes)).toBe("p3");
});

test("a panel that was moved stands where it was put, also beside others that were moved", () => {
  const one = withMoved(sectionsOf(KEYS, {}), {}, "metric:a/z", "a", 0);
  expect(drawn(one)).toContain("a(a/z a/x a/y)");
  const two = withMoved(sectionsOf(KEYS, one), one, "metric:a/y", "a", 0);
  expect(drawn(two)).toContain("a(a/y a/z a/x)");
  const three = withMoved(sectionsOf(KEYS, two), two, "metric:loss", "a", 2);
  expect(drawn(three)).toBe("a(a/y a/z loss a/x) system(system/cpu)");
  const back = withMoved(sectionsOf(KEYS, three), three, "metric:a/y", "a", 99);
  expect(drawn(back)).toContain("a(a/z loss a/x a/y)");
  expect(withMoved(sectionsOf(KEYS, {}), {}, "gone", "a", 0)).toEqual({});
});

test("what was changed of a panel is kept with what was changed before", () => {
  const changes = withChange(withChange({}, "p1", { size: [2, 1], place: 3 }), "p1", {
    place: undefined,
    section: "b",
  });
  expect(changes).toEqual({ p1: { size: [2, 1], section: "b" } });
});

test("sections are open at first, but for that of the system", () => {
  expect([isClosed("a", []), isClosed("system", [])]).toEqual([false, true]);
  expect([isClosed("a", ["a"]), isClosed("system", ["system"])]).toEqual([true, false]);
});
