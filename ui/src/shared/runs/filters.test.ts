import { expect, test } from "vitest";

import { filterOf, inTyped } from "~/shared/runs/filters";

test("what is chosen composes with what is typed", () => {
  expect(filterOf({}, 0)).toBe("");
  expect(filterOf({ filter: "a = 'b' OR c = 'd'" }, 0)).toBe("a = 'b' OR c = 'd'");
  expect(filterOf({ filter: "a = 'b' OR c = 'd'", status: "FAILED", dataset: "it's", since: "1h" }, 3_600_001)).toBe(
    "(a = 'b' OR c = 'd') AND (status = 'FAILED') AND (start_time >= 1) AND (datasets.name = 'it''s')",
  );
});

test("a position in what was sent is one in what was typed", () => {
  const failure = {
    message: "Filter at character 4: no.",
    nextStep: "",
    reason: "FILTER_INVALID",
    facts: { position: "4" },
    fields: [],
    requestId: "",
    isPassing: false,
    isMissing: false,
    isDenied: false,
  };
  expect(inTyped(failure, "abcd", "abcd")).toBe(failure);
  expect(inTyped(failure, "abcd", "(abcd) AND (x)")).toMatchObject({
    message: "Filter at character 3: no.",
    facts: { position: "3" },
  });
});
