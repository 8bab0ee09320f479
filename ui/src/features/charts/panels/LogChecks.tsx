import { labelOf } from "~/features/charts/panels/axes";
import { Check } from "~/features/charts/panels/fields";
import { withLog } from "~/features/charts/panels/settings";

interface Properties {
  /** The ids of the axes that there are; undefined for those that are not chosen. */
  readonly axes: readonly (string | undefined)[];
  /** Those that are axes of powers. */
  readonly logs: readonly string[];
  readonly onLogs: (logs: readonly string[]) => void;
}

/** Says which axes are of powers. */
export function LogChecks({ axes, logs, onLogs }: Properties) {
  const different = [...new Set(axes.filter((id) => id !== undefined))];
  return different.map((id) => (
    <Check
      key={id}
      label={`Axis of powers: ${labelOf(id)}`}
      isChecked={logs.includes(id)}
      onCheck={(isLog) => onLogs(withLog(logs, id, isLog))}
    />
  ));
}
