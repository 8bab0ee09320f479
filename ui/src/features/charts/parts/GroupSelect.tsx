import { useInfiniteQuery } from "@tanstack/react-query";

import styles from "~/features/charts/parts/Legend.module.css";
import type { Scope } from "~/shared/runs/queries";
import { keysQuery } from "~/shared/runs/queries";

interface Properties {
  readonly scope: Scope;
  readonly group: string | undefined;
  readonly onGroup: (group: string | undefined) => void;
}

const NONE: readonly string[] = [];

/** What runs are grouped by: a param, a tag, or what all runs have. */
export function GroupSelect({ scope, group, onGroup }: Properties) {
  const params = useInfiniteQuery(keysQuery(scope, "params", ""));
  const tags = useInfiniteQuery(keysQuery(scope, "tags", ""));
  const ofParams = keysIn("param", params.data?.pages[0]?.keys, group);
  const ofTags = keysIn("tag", tags.data?.pages[0]?.keys, group);
  return (
    <label className={styles.line}>
      <span className={styles.soft}>Group by</span>
      <select
        className={styles.grow}
        value={group ?? ""}
        onChange={(event) => onGroup(event.target.value === "" ? undefined : event.target.value)}
      >
        <option value="">nothing</option>
        <option value="status">status</option>
        <option value="user">user</option>
        <Keys label="Params" prefix="param" keys={ofParams} />
        <Keys label="Tags" prefix="tag" keys={ofTags} />
      </select>
    </label>
  );
}

interface KeysProperties {
  readonly label: string;
  readonly prefix: string;
  readonly keys: readonly string[];
}

function Keys({ label, prefix, keys }: KeysProperties) {
  if (keys.length === 0) return null;
  return (
    <optgroup label={label}>
      {keys.map((key) => (
        <option key={key} value={`${prefix}:${key}`}>
          {key}
        </option>
      ))}
    </optgroup>
  );
}

/** The keys to choose from, with the chosen one: it may be none of the first. */
function keysIn(prefix: string, keys: readonly string[] = NONE, group: string | undefined): readonly string[] {
  const chosen = group?.startsWith(`${prefix}:`) === true ? group.slice(prefix.length + 1) : null;
  return chosen === null || keys.includes(chosen) ? keys : [chosen, ...keys];
}
