import { ALL_KINDS } from "~/features/charts/panels/axes";
import { AxisField } from "~/features/charts/panels/AxisField";
import type { Scope } from "~/shared/runs/queries";

interface Axes {
  readonly x?: string | undefined;
  readonly y?: string | undefined;
}

interface Properties<Settings extends Axes> {
  readonly scope: Scope;
  readonly settings: Settings;
  readonly onSettings: (next: Settings) => void;
}

/** What of runs is drawn against what. */
export const XyFields = <Settings extends Axes>({ scope, settings, onSettings }: Properties<Settings>) => (
  <>
    {(["x", "y"] as const).map((each) => (
      <AxisField
        key={each}
        label={each}
        scope={scope}
        kinds={ALL_KINDS}
        axis={settings[each]}
        onAxis={(id) => onSettings({ ...settings, [each]: id })}
      />
    ))}
  </>
);
