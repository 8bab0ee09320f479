import { expect, test } from "vitest";

import { askedAt } from "~/filter/asked";
import { completed, completionsFor } from "~/filter/complete";
import type { Entity } from "~/filter/vocabulary";

const NOW = 1_800_000_000_000;
const known = {
  keys: new Map<Entity, readonly string[]>([
    ["metrics", ["loss", "val loss", "a.min"]],
    ["params", ["lr"]],
    ["tags", []],
  ]),
  values: ["adam", "it's"],
};

/** The labels where `|` is the cursor. */
function labels(written: string): string[] {
  const asked = askedAt(written.replace("|", ""), written.indexOf("|"));
  return asked === null ? [] : completionsFor(asked, known, NOW).map((each) => each.label);
}

/** The text with the first completion of that label taken, and `|` for the cursor. */
function taken(written: string, label: string): string {
  const text = written.replace("|", "");
  const asked = askedAt(text, written.indexOf("|"));
  const chosen = asked === null ? undefined : completionsFor(asked, known, NOW).find((each) => each.label === label);
  if (asked === null || chosen === undefined) return `no ${label}`;
  const next = completed(text, asked, chosen);
  return `${next.text.slice(0, next.cursor)}|${next.text.slice(next.cursor)}`;
}

test.each([
  ["|", "metrics."],
  ["met|", "metrics."],
  ["lo|", "metrics.loss"],
  ["metrics.|", "loss"],
  ["metrics.loss |", "="],
  ["metrics.loss lik|", "none"],
  ["params.optimizer l|", "LIKE"],
  ["status = 'FAILED' a|", "AND"],
  ["(status = 'FAILED' |", "AND"],
  ["params.optimizer is n|", "NULL"],
  ["status IN (|", "RUNNING"],
  ["status IN ('RUNNING'|", ","],
  ["start_time > |", "1 hour ago"],
  ["nobody |", "none"],
  ["a b c|", "none"],
])("%s offers %s first", (written, first) => {
  expect(labels(written)[0] ?? "none").toBe(first);
});

test.each([
  ["met|", "metrics.", "metrics.|"],
  ["metrics.|", "val loss", "metrics.`val loss` |"],
  ["metrics.|", "a.min", "metrics.`a.min` |"],
  ["metrics.`va|` > 1", "val loss", "metrics.`val loss`| > 1"],
  ["metrics.lo|x > 1", "loss", "metrics.loss| > 1"],
  ["params.optimizer =|", "it's", "params.optimizer = 'it''s' |"],
  ["params.optimizer = 'a|'", "adam", "params.optimizer = 'adam' |"],
  ["params.lr NOT |", "IN", "params.lr NOT IN (|"],
  ["status IN ('FAILED', |", "KILLED", "status IN ('FAILED', 'KILLED'|"],
  ["end_time > |", "1 hour ago", "end_time > 1799996400000 |"],
])("in %s, %s makes %s", (written, label, after) => {
  expect(taken(written, label)).toBe(after);
});

test("metrics have no patterns, and texts no order", () => {
  expect(labels("metrics.loss |")).not.toContain("LIKE");
  expect(labels("tags.team |")).not.toContain("<");
  expect(labels("run_id |")).not.toContain("IS NULL");
  expect(labels("end_time |")).toContain("IS NULL");
});
