import type { ReactNode } from "react";
import { Fragment } from "react";

import styles from "~/shared/artifacts/PaneHeader.module.css";
import { shownName } from "~/shared/artifacts/tree";
import { CopyButton } from "~/shared/components/CopyButton";

interface Properties {
  readonly path: string;
  readonly onPath: (path: string) => void;
  /** What is known of it. */
  readonly facts: readonly ReactNode[];
  /** What can be done with it. */
  readonly actions?: ReactNode;
}

/** Where a file or folder is, what is known of it, and what can be done with it. */
export function PaneHeader({ path, onPath, facts, actions }: Properties) {
  const parts = path === "" ? [] : path.split("/");
  const steps = parts.map((name, place) => ({ name, path: parts.slice(0, place + 1).join("/") }));
  return (
    <header className={styles.header}>
      <div className={styles.line}>
        <nav aria-label="Path" className={styles.path}>
          <button type="button" onClick={() => onPath("")}>
            All files
          </button>
          {steps.map((step) => (
            <Fragment key={step.path}>
              <span aria-hidden>/</span>
              {step.path === path ? (
                <strong aria-current="page">{shownName(step.name)}</strong>
              ) : (
                <button type="button" onClick={() => onPath(step.path)}>
                  {shownName(step.name)}
                </button>
              )}
            </Fragment>
          ))}
        </nav>
        {path !== "" && <CopyButton text={path} label="Copy the path" />}
        <div className={styles.actions}>{actions}</div>
      </div>
      <ul className={styles.facts} aria-label="Facts">
        {facts.map((fact, place) => (
          // oxlint-disable-next-line react/no-array-index-key -- facts keep their places
          <li key={place}>{fact}</li>
        ))}
      </ul>
    </header>
  );
}
