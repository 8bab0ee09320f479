import { useInfiniteQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import styles from "~/features/charts/panels/Form.module.css";
import type { AxisKind } from "~/features/charts/panels/axes";
import { AXIS_KINDS, axisNamed, idOfAxis } from "~/features/charts/panels/axes";
import { useSettled } from "~/shared/hooks/useSettled";
import type { Scope } from "~/shared/runs/queries";
import { keysQuery } from "~/shared/runs/queries";

interface Properties {
  readonly label: string;
  readonly scope: Scope;
  /** The id of the axis; undefined for none. */
  readonly axis: string | undefined;
  readonly onAxis: (id: string | undefined) => void;
  readonly kinds: readonly AxisKind[];
}

const REST_MS = 200;

/** Chooses an axis: of which kind, and of which key. Keys that there are are offered while somebody types. */
export function AxisField({ label, scope, axis, onAxis, kinds }: Properties) {
  const id = useId();
  const known = axis === undefined ? null : axisNamed(axis);
  const [kind, setKind] = useState<AxisKind>(known?.kind ?? kinds[0] ?? "params");
  const [text, setText] = useState(known?.key ?? "");
  const asked = useSettled(text, REST_MS);
  const { data } = useInfiniteQuery(keysQuery(scope, kind === "params" ? "params" : "metrics", asked));
  const keys = data?.pages.flatMap((page) => page.keys) ?? [];
  const change = (next: AxisKind, key: string): void => {
    setKind(next);
    setText(key);
    onAxis(key === "" ? undefined : idOfAxis({ kind: next, key }));
  };
  return (
    <fieldset className={styles.field}>
      <legend>{label}</legend>
      <div className={styles.row}>
        {kinds.length > 1 && (
          <select
            aria-label={`${label}: of what`}
            value={kind}
            onChange={(event) => {
              const next = kinds.find((each) => each === event.target.value);
              // A key of a param is none of a metric.
              if (next !== undefined) change(next, (next === "params") === (kind === "params") ? text : "");
            }}
          >
            {kinds.map((each) => (
              <option key={each} value={each}>
                {AXIS_KINDS[each]}
              </option>
            ))}
          </select>
        )}
        <input
          type="text"
          aria-label={`${label}: key`}
          list={id}
          value={text}
          placeholder="key"
          onChange={(event) => change(kind, event.target.value)}
        />
        <datalist id={id}>
          {keys.map((key) => (
            <option key={key} value={key}>
              {key}
            </option>
          ))}
        </datalist>
      </div>
    </fieldset>
  );
}
