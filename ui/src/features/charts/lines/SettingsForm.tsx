import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { LinesSettings } from "~/features/charts/lines/kind";
import { BANDS } from "~/features/charts/lines/kind";
import styles from "~/features/charts/lines/SettingsForm.module.css";
import type { SettingsFormProperties } from "~/features/charts/panel";
import { metricKeysQuery } from "~/features/charts/queries";
import { Field } from "~/shared/components/Field";
import { SearchBox } from "~/shared/components/SearchBox";
import { count } from "~/shared/format/numbers";

/** So many metrics are offered at once; a search finds the others. */
const MOST_OFFERED = 50;
const BAND_WORDS: Readonly<Record<LinesSettings["bands"], string>> = {
  groups: "each group of runs, where runs are grouped",
  ranks: "the ranks of each run, with the slowest marked",
  none: "nothing: each run has its line",
};

/** Which metrics a panel of lines shows, and how. */
export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<LinesSettings>) {
  const { metrics, isLog, showsPoints, bands } = settings;
  const [sought, setSought] = useState("");
  const { data: keys = [] } = useQuery(metricKeysQuery(scope, null));
  const found = keys.filter((key) => key.toLowerCase().includes(sought.toLowerCase()) && !metrics.includes(key));
  const offered = [...metrics, ...found.slice(0, MOST_OFFERED)];
  const rest = found.length - MOST_OFFERED;
  return (
    <>
      <fieldset className={styles.metrics}>
        <legend>Metrics</legend>
        <SearchBox label="Search metrics" text={sought} onText={setSought} />
        <ul className={styles.list}>
          {offered.map((key) => (
            <li key={key}>
              <label className={styles.choice}>
                <input
                  type="checkbox"
                  checked={metrics.includes(key)}
                  onChange={(event) =>
                    onSettings({
                      ...settings,
                      metrics: event.target.checked ? [...metrics, key] : metrics.filter((each) => each !== key),
                    })
                  }
                />
                {key}
              </label>
            </li>
          ))}
        </ul>
        {rest > 0 && <p className={styles.soft}>and {count(rest)} more: search for them</p>}
      </fieldset>
      <Field label="Mean, with an area from the smallest to the largest, of">
        {(control) => (
          <select
            {...control}
            value={bands}
            onChange={(event) =>
              onSettings({ ...settings, bands: BANDS.find((each) => each === event.target.value) ?? bands })
            }
          >
            {BANDS.map((each) => (
              <option key={each} value={each}>
                {BAND_WORDS[each]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <label className={styles.choice}>
        <input
          type="checkbox"
          checked={isLog}
          onChange={(event) => onSettings({ ...settings, isLog: event.target.checked })}
        />
        log y axis
      </label>
      <label className={styles.choice}>
        <input
          type="checkbox"
          checked={showsPoints}
          onChange={(event) => onSettings({ ...settings, showsPoints: event.target.checked })}
        />
        points, where there is room
      </label>
    </>
  );
}
