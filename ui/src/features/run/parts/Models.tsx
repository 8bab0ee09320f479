import { useQuery } from "@tanstack/react-query";

import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf, modelIn } from "~/api/names";
import { millis } from "~/api/times";
import styles from "~/features/run/parts/Overview.module.css";
import { modelsOf, versionsOf } from "~/features/run/queries";
import { PathLink } from "~/shared/components/PathLink";
import { Section } from "~/shared/components/Section";
import { Time } from "~/shared/components/Time";
import { versionPath } from "~/shared/links";

/** The models that a run made, and the versions that were registered of it. */
export function Models({ workspace, run }: { readonly workspace: string; readonly run: Run }) {
  const id = idOf(run.name);
  const { data: models } = useQuery(modelsOf(workspace, id));
  const { data: versions } = useQuery(versionsOf(workspace, id));
  const made = models?.loggedModels ?? [];
  const registered = versions?.modelVersions ?? [];
  return (
    <>
      {made.length > 0 && (
        <Section title="Logged models">
          <ul className={styles.list} aria-label="Logged models">
            {made.map((model) => (
              <li key={model.name} className={styles.item}>
                <span title={idOf(model.name)}>{model.displayName}</span>
                <span className={styles.soft}>{model.modelType}</span>
                <Time at={millis(model.createTime)} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      {registered.length > 0 && (
        <Section title="Registered versions">
          <ul className={styles.list} aria-label="Registered versions">
            {registered.map((version) => (
              <li key={version.name} className={styles.item}>
                <PathLink path={versionPath(workspace, modelIn(version.name), idOf(version.name))}>
                  {modelIn(version.name)} · version {idOf(version.name)}
                </PathLink>
                {version.stage !== "None" && <span className={styles.soft}>{version.stage}</span>}
                {version.aliases.map((alias) => (
                  <span key={alias} className={styles.soft}>
                    @{alias}
                  </span>
                ))}
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
