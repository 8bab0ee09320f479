import type { Section } from "~/features/charts/board";
import { KINDS } from "~/features/charts/kinds";
import type { Needs } from "~/features/charts/panel";

/** What panels need together, and what runs are grouped by. */
export function neededBy(sections: readonly Section[], group: string | undefined): Needs {
  const all = sections.flatMap(({ panels }) => panels.map(({ kind, settings }) => KINDS[kind].needs(settings)));
  const key = group?.slice(group.indexOf(":") + 1) ?? "";
  const ofGroup: Needs = {
    metrics: [],
    params: group?.startsWith("param:") === true ? [key] : [],
    tags: group?.startsWith("tag:") === true ? [key] : [],
  };
  const needs = [...all, ofGroup];
  const together = (of: (each: Needs) => readonly string[] | "all"): readonly string[] | "all" => {
    const found = needs.map(of);
    if (found.includes("all")) return "all";
    return [...new Set(found.flat())].toSorted();
  };
  return {
    metrics: together((each) => each.metrics),
    params: together((each) => each.params),
    tags: together((each) => each.tags),
  };
}
