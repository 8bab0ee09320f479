/** Controls that forms of several kinds of panels have. */

import styles from "~/features/charts/panels/Form.module.css";

interface CheckProperties {
  readonly label: string;
  readonly isChecked: boolean;
  readonly onCheck: (isChecked: boolean) => void;
}

export function Check({ label, isChecked, onCheck }: CheckProperties) {
  return (
    <label className={styles.check}>
      <input type="checkbox" checked={isChecked} onChange={(event) => onCheck(event.target.checked)} />
      {label}
    </label>
  );
}

interface ChoiceProperties<Value extends string> {
  readonly label: string;
  /** What there is to choose, and what it is called. */
  readonly choices: Readonly<Record<Value, string>>;
  readonly chosen: Value;
  readonly onChoose: (value: Value) => void;
}

export function Choice<Value extends string>({ label, choices, chosen, onChoose }: ChoiceProperties<Value>) {
  return (
    <fieldset className={styles.field}>
      <legend>{label}</legend>
      <div className={styles.row}>
        <select
          aria-label={label}
          value={chosen}
          onChange={(event) => {
            const { value } = event.target;
            if (isOneOf(choices, value)) onChoose(value);
          }}
        >
          {Object.entries<string>(choices).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </div>
    </fieldset>
  );
}

const isOneOf = <Value extends string>(choices: Readonly<Record<Value, string>>, value: string): value is Value =>
  Object.hasOwn(choices, value);
