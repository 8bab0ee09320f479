import { Popover } from "@ark-ui/react/popover";
import { Portal } from "@ark-ui/react/portal";
import { CircleHelp } from "lucide-react";
import { useState } from "react";

import styles from "~/filter/FilterHelp.module.css";
import { IconButton } from "~/shared/components/Button";

const NAMES: readonly (readonly [string, string])[] = [
  ["metrics.loss", "the current value"],
  ["metrics.loss.min, .max", "the smallest and the largest that it ever had"],
  ["params.lr, tags.team", "text; a param also as a number"],
  ["tags.`two words`", "backticks where a key has other characters"],
  ["status, run_name, user_id, source, git_commit", "what the run is"],
  ["start_time, end_time, duration", "in milliseconds"],
  ["datasets.name, .digest, .context", "of any dataset that it used"],
];
const OPERATORS: readonly (readonly [string, string])[] = [
  ["=  !=  <  <=  >  >=", "numbers; texts have = and !="],
  ["LIKE 'a%'  ILIKE '_b'", "% is any text, _ any character; ILIKE whatever the case"],
  ["IN ('a', 'b')  NOT IN", "one of a list, or none of it"],
  ["BETWEEN 1 AND 2", "with both bounds"],
  ["IS NULL  IS NOT NULL", "whether the run has it at all"],
  ["AND  OR  NOT  ( )", "NOT binds tighter than AND, and AND tighter than OR"],
];
const EXAMPLES = [
  "metrics.val_loss.min < 0.1 AND status = 'FINISHED'",
  "params.model IN ('xgb', 'ridge') OR tags.team = 'blue'",
  "params.lr < 0.01 AND NOT tags.baseline IS NOT NULL",
  "run_name ILIKE '%resnet%' AND duration > 60000",
  "datasets.name = 'taxi' AND datasets.context = 'training'",
];

interface Properties {
  /** Puts an example into the box. */
  readonly onExample: (example: string) => void;
  /** Where the focus goes when the card closes. */
  readonly box: () => HTMLElement | null;
}

/** The language of filters on one card. */
export function FilterHelp({ onExample, box }: Properties) {
  const [isOpen, setOpen] = useState(false);
  const take = (example: string): void => {
    setOpen(false);
    onExample(example);
  };
  return (
    <Popover.Root
      open={isOpen}
      onOpenChange={(details) => setOpen(details.open)}
      finalFocusEl={box}
      positioning={{ placement: "bottom-end" }}
      lazyMount
      unmountOnExit
    >
      <Popover.Trigger asChild>
        <IconButton label="What filters can say" icon={<CircleHelp />} />
      </Popover.Trigger>
      <Portal>
        <Popover.Positioner className={styles.positioner}>
          <Popover.Content className={styles.card}>
            <Popover.Title className={styles.title}>Filters: name, operator, value</Popover.Title>
            <Rows rows={NAMES} />
            <Rows rows={OPERATORS} />
            <p className={styles.title}>Examples</p>
            <ul className={styles.examples}>
              {EXAMPLES.map((example) => (
                <li key={example}>
                  <button type="button" className={styles.example} onClick={() => take(example)}>
                    {example}
                  </button>
                </li>
              ))}
            </ul>
          </Popover.Content>
        </Popover.Positioner>
      </Portal>
    </Popover.Root>
  );
}

function Rows({ rows }: { readonly rows: readonly (readonly [string, string])[] }) {
  return (
    <dl className={styles.rows}>
      {rows.map(([written, means]) => (
        <div key={written}>
          <dt>
            <code>{written}</code>
          </dt>
          <dd>{means}</dd>
        </div>
      ))}
    </dl>
  );
}
