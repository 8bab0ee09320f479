import { expect, test } from "vitest";

import { asUrl, isOther, ofView, savedIn, shownBy, stateOf, withoutView } from "~/features/charts/saved";

const state = stateOf({ group: "status", panels: { p1: { kind: "lines", size: [2, 1] } }, zoom: [1, 2], saved: "a" });
const saved = savedIn(state);

test("what is looked at for a moment is not saved", () => {
  expect(JSON.parse(state)).toEqual({
    charts: { group: "status", panels: { p1: { kind: "lines", size: [2, 1] } } },
  });
});

test("a URL that names a view shows it, and what it is looked at with", () => {
  const shown = shownBy({ saved: "a", zoom: [1, 2] }, saved);
  expect(shown).toMatchObject({ group: "status", zoom: [1, 2], saved: "a" });
  expect(isOther(shown, saved ?? {})).toBe(false);
});

test("the first change brings all of the view into the URL, and nothing of it is shown that was taken back", () => {
  const url = { saved: "a", ...asUrl({ saved: "a" }, saved, { group: undefined }) };
  expect(url).toMatchObject({ edited: true, panels: { p1: { kind: "lines" } } });
  const shown = shownBy(url, saved);
  expect(shown.group).toBeUndefined();
  expect(isOther(shown, saved ?? {})).toBe(true);
  expect({ ...url, ...ofView("a") }).toMatchObject({ saved: "a", panels: undefined, edited: undefined });
  expect(withoutView(shown)).toMatchObject({ saved: undefined, panels: { p1: { kind: "lines" } } });
});

test("to zoom does not change a view, and without a view nothing is brought into the URL", () => {
  expect(asUrl({ saved: "a" }, saved, { zoom: [1, 2] })).toEqual({ zoom: [1, 2] });
  expect(asUrl({}, null, { group: "user" })).toEqual({ group: "user" });
});

test("a view that could not be read is not changed", () => {
  expect(asUrl({ saved: "a" }, null, { group: "user" })).toEqual({ group: "user", saved: undefined });
  expect(asUrl({ saved: "a", edited: true }, null, { group: "user" })).toMatchObject({ group: "user", edited: true });
});

test.each(["", "[]", '{"table": {}}', '{"charts": 1}', "null"])("%j is no page of charts", (text) => {
  expect(savedIn(text)).toBeNull();
});

test("what makes no sense in a view is left out", () => {
  expect(savedIn('{"charts": {"most": 7, "group": "user", "panel": "p1"}}')).toMatchObject({
    group: "user",
    most: undefined,
  });
});
