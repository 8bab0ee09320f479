import { useMemo } from "react";

import type { CsvRequest, PanelBodyProperties, SettingsFormProperties } from "~/features/charts/panel";
import { labelOf, METRIC_KINDS } from "~/features/charts/panels/axes";
import { AxisField } from "~/features/charts/panels/AxisField";
import { Choice } from "~/features/charts/panels/fields";
import type { Finding } from "~/features/charts/panels/importance/analysis";
import { ask } from "~/features/charts/panels/importance/ask";
import { FindingsTable } from "~/features/charts/panels/importance/FindingsTable";
import type { ImportanceSettings } from "~/features/charts/panels/importance/kind";
import { questionOf } from "~/features/charts/panels/importance/question";
import { basisOf } from "~/features/charts/panels/importance/said";
import { useAnalysis } from "~/features/charts/panels/importance/useAnalysis";
import { Note, Noted } from "~/features/charts/panels/Note";
import { Skeleton } from "~/shared/components/Skeleton";
import { csvLine } from "~/shared/format/csv";

const ORDER_NAMES = { importance: "most important first", correlation: "strongest correlation first", name: "by name" };

/** Which params of the runs tell a metric, and in which direction. */
export function Body({ runs, settings }: PanelBodyProperties<ImportanceSettings>) {
  const { target, order } = settings;
  const question = useMemo(() => (target === undefined ? null : questionOf(runs, target)), [runs, target]);
  const answer = useAnalysis(question);
  const findings = useMemo(() => ordered(answer?.analysis?.findings ?? [], order), [answer, order]);
  if (target === undefined) return <Note>Choose in the settings of this panel which metric params are to tell.</Note>;
  if (answer === null) return <Skeleton rows={4} />;
  const { analysis } = answer;
  if (analysis === null)
    return <Note>This browser does not run the script that compares the runs. Reload the page.</Note>;
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
export async function csv({ runs, settings: { target, order } }: CsvRequest<ImportanceSettings>): Promise<string> {
  const analysis = target === undefined ? null : await ask(questionOf(runs, target));
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
