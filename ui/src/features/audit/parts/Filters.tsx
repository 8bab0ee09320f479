import type { FormEvent } from "react";

import styles from "~/features/audit/Audit.module.css";
import type { AuditSearch } from "~/features/audit/search";
import { auditSearch, OUTCOMES } from "~/features/audit/search";
import { Button } from "~/shared/components/Button";
import { fromLocalInput, toLocalInput } from "~/shared/format/localTime";

/** Such an input has seconds, and stands for the end of one. */
const SECOND_MS = 1000;

interface Properties {
  readonly search: AuditSearch;
  readonly onSearch: (search: AuditSearch) => void;
}

/** Which events are shown. */
export function Filters({ search, onSearch }: Properties) {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const typed = Object.fromEntries(new FormData(event.currentTarget));
    onSearch(auditSearch({ ...typed, since: timeOf(typed["since"]), until: timeOf(typed["until"]) }));
  };
  return (
    <form className={styles.filters} aria-label="Which events" onSubmit={submit}>
      <label>
        Who
        <input name="who" placeholder="people/ann@example.org" defaultValue={search.who} />
      </label>
      <label>
        Method
        <input name="method" placeholder="DeleteRun" defaultValue={search.method} />
      </label>
      <label>
        Resource
        <input name="resource" placeholder="models/taxi" defaultValue={search.resource} />
      </label>
      <label>
        Outcome
        <select name="outcome" defaultValue={search.outcome ?? ""}>
          <option value="">any</option>
          {OUTCOMES.map((outcome) => (
            <option key={outcome}>{outcome}</option>
          ))}
        </select>
      </label>
      <label>
        From
        <input type="datetime-local" step={1} name="since" defaultValue={inputOf(search.since)} />
      </label>
      <label>
        Before
        <input type="datetime-local" step={1} name="until" defaultValue={inputOf(search.until)} />
      </label>
      <Button type="submit" kind="primary">
        Show
      </Button>
      <Button onClick={() => onSearch({})}>All</Button>
    </form>
  );
}

const inputOf = (time: number | undefined): string => (time === undefined ? "" : toLocalInput(time));

/** The beginning of the second that an input says; undefined where it says none. */
function timeOf(typed: FormDataEntryValue | undefined): number | undefined {
  const time = typeof typed === "string" ? fromLocalInput(typed) : null;
  return time === null ? undefined : time - (time % SECOND_MS);
}
