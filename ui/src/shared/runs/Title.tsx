import { Link } from "@tanstack/react-router";

import styles from "~/shared/runs/Title.module.css";

/** Whose runs these are, below the list of experiments. */
export function Title({ workspace, name }: { readonly workspace: string; readonly name: string }) {
  return (
    <span className={styles.title}>
      <Link to="/w/$workspace/experiments" params={{ workspace }} className={styles.back}>
        Experiments
      </Link>
      <span aria-hidden>/</span>
      <span className={styles.name} title={name}>
        {name}
      </span>
    </span>
  );
}
