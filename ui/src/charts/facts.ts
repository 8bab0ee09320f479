import type { Dimension } from "~/charts/dimension";
import type { Fact } from "~/charts/run";
import { shortNumber } from "~/shared/format/numbers";

/** What a run has of some dimensions, each once. */
export function factsOf(dimensions: readonly (Dimension | null)[], run: number): Fact[] {
  const facts = new Map<string, Fact>();
  for (const dimension of dimensions) {
    if (dimension === null) continue;
    const value = dimension.values[run] ?? null;
    const shown = value === null ? "—" : typeof value === "number" ? shortNumber(value) : value;
    facts.set(dimension.id, { label: dimension.label, value: shown });
  }
  return [...facts.values()];
}
