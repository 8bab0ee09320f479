import { Plus, X } from "lucide-react";
import { useState } from "react";

import type { SettingsFormProperties } from "~/features/charts/panel";
import { ALL_KINDS, labelOf } from "~/features/charts/panels/axes";
import { AxisField } from "~/features/charts/panels/AxisField";
import styles from "~/features/charts/panels/Form.module.css";
import { LogChecks } from "~/features/charts/panels/LogChecks";
import type { ParallelSettings } from "~/features/charts/panels/parallel/kind";
import { Button, IconButton } from "~/shared/components/Button";

/** Chooses the axes, their order aside: that is changed by dragging them. */
export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<ParallelSettings>) {
  const { axes, logs, color } = settings;
  const [added, setAdded] = useState<string | undefined>(undefined);
  const [round, setRound] = useState(0);
  return (
    <>
      {axes === undefined ? (
        <p>The axes are params that differ, and metrics. Add one to choose them yourself.</p>
      ) : (
        <ul className={styles.list} aria-label="Axes">
          {axes.map((id) => (
            <li key={id}>
              <span className={styles.name}>{labelOf(id)}</span>
              <IconButton
                label={`Remove ${labelOf(id)}`}
                icon={<X />}
                onClick={() => onSettings({ ...settings, axes: axes.filter((each) => each !== id) })}
              />
            </li>
          ))}
        </ul>
      )}
      <AxisField key={round} label="One more axis" scope={scope} kinds={ALL_KINDS} axis={added} onAxis={setAdded} />
      <div className={styles.row}>
        <Button
          icon={<Plus />}
          disabled={added === undefined}
          onClick={() => {
            if (added === undefined) return;
            onSettings({ ...settings, axes: [...new Set([...(axes ?? []), added])] });
            setAdded(undefined);
            // The field begins anew.
            setRound(round + 1);
          }}
        >
          Add axis
        </Button>
        {axes !== undefined && (
          <Button onClick={() => onSettings({ ...settings, axes: undefined })}>Those that tell most</Button>
        )}
      </div>
      <AxisField
        label="Colour; runs have their own without one"
        scope={scope}
        kinds={ALL_KINDS}
        axis={color}
        onAxis={(id) => onSettings({ ...settings, color: id })}
      />
      <LogChecks
        axes={[...(axes ?? []), color]}
        logs={logs}
        onLogs={(next) => onSettings({ ...settings, logs: next })}
      />
    </>
  );
}
