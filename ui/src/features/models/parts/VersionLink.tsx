import { Link } from "@tanstack/react-router";

import styles from "~/features/models/parts/VersionLink.module.css";

interface Properties {
  readonly workspace: string;
  readonly model: string;
  /** Nothing where there is none. */
  readonly version: number | bigint | undefined;
  /** What is shown before the number: the name of the model, or an alias. */
  readonly before?: string;
}

/** A version by its number, which leads to its page. */
export function VersionLink({ workspace, model, version, before }: Properties) {
  if (version === undefined) return <span>—</span>;
  return (
    <Link
      to="/w/$workspace/models/$model/versions/$version"
      params={{ workspace, model, version: String(version) }}
      className={styles.link ?? ""}
      {...(before === undefined ? { "aria-label": `v${version} of ${model}` } : {})}
    >
      {before === undefined ? `v${version}` : `${before} v${version}`}
    </Link>
  );
}
