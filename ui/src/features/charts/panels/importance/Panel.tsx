import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties } from "~/features/charts/panel";
import { labelOf, METRIC_KINDS } from "~/features/charts/panels/axes";
import { AxisField } from "~/features/charts/panels/AxisField";
import { Choice } from "~/features/charts/panels/fields";
import type { Finding } from "~/features/charts/panels/importance/analysis";
import { FindingsTable } from "~/features/charts/panels/importance/FindingsTable";
import type { ImportanceSettings } from "~/features/charts/panels/importance/kind";
import { analysisQuery, ask } from "~/features/charts/panels/importance/queries";
import { basisOf } from "~/features/charts/panels/importance/said";
import { Note, Noted } from "~/features/charts/panels/Note";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { csvLine } from "~/shared/format/csv";

const ORDER_NAMES = { importance: "most important first", correlation: "strongest correlation first", name: "by name" };

/** Which params of the runs tell a metric, and in which direction. */
export function Body({ workspace, runs, settings }: PanelBodyProperties<ImportanceSettings>) {
  const { target } = settings;
  if (target === undefined) return <Note>Choose in the settings of this panel which metric params are to tell.</Note>;
  return <Found workspace={workspace} runs={runs} target={target} order={settings.order} />;
}

interface FoundProperties extends Pick<PanelBodyProperties<ImportanceSettings>, "workspace" | "runs"> {
  readonly target: string;
  readonly order: ImportanceSettings["order"];
}

function Found({ workspace, runs, target, order }: FoundProperties) {
  const { data: analysis, error, refetch } = useQuery(analysisQuery(workspace, runs, target));
  const findings = useMemo(() => ordered(analysis?.findings ?? [], order), [analysis, order]);
  if (analysis === undefined) {
    if (error !== null) return <Problem failure={failureOf(error)} onRetry={() => void refetch()} />;
    return <Skeleton rows={4} />;
  }
  const basis = basisOf(analysis, labelOf(target));
  if (findings.length === 0) return <Note>{basis} None of them has a param that differs.</Note>;
  return (
    <Noted note={basis}>
      <FindingsTable label={labelOf(target)} findings={findings} />
    </Noted>
  );
}

function ordered(findings: readonly Finding[], order: ImportanceSettings["order"]): readonly Finding[] {
  if (order === "importance") return findings;
  if (order === "name") return findings.toSorted((one, other) => one.key.localeCompare(other.key));
  return findings.toSorted((one, other) => strengthOf(other) - strengthOf(one));
}

const strengthOf = ({ correlation }: Finding): number => Math.abs(correlation?.coefficient ?? 0);

export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<ImportanceSettings>) {
  return (
    <>
      <AxisField
        label="Metric that params are to tell"
        scope={scope}
        kinds={METRIC_KINDS}
        axis={settings.target}
        onAxis={(target) => onSettings({ ...settings, target })}
      />
      <Choice
        label="Order"
        choices={ORDER_NAMES}
        chosen={settings.order}
        onChoose={(order) => onSettings({ ...settings, order })}
      />
    </>
  );
}

/** All that was found out, unrounded. */
export async function csv({
  workspace,
  runs,
  settings: { target, order },
}: CsvRequest<ImportanceSettings>): Promise<string> {
  const ids = runs.map(({ id }) => id);
  const analysis = target === undefined ? null : await ask(workspace, ids, target);
  return [
    csvLine(["param", "importance", "above_chance", "correlation", "from", "to", "runs"]),
    ...ordered(analysis?.findings ?? [], order).map(({ key, importance, isAboveChance, correlation }) =>
      csvLine([
        key,
        String(importance ?? ""),
        importance === null ? "" : String(isAboveChance),
        String(correlation?.coefficient ?? ""),
        String(correlation?.interval[0] ?? ""),
        String(correlation?.interval[1] ?? ""),
        String(correlation?.runs ?? ""),
      ]),
    ),
  ].join("");
}
