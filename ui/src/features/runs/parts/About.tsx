import { useQueryClient } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { Experiment } from "~/api/gen/trivet/tracking/v1/experiment_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import styles from "~/features/runs/parts/About.module.css";
import { CopyButton } from "~/shared/components/CopyButton";
import { PathLink } from "~/shared/components/PathLink";
import { Description } from "~/shared/components/Description";
import { Tags } from "~/shared/components/Tags";
import { Time } from "~/shared/components/Time";
import { loggedModelsPath } from "~/shared/links";

/** What an experiment is: its id, what somebody wrote about it, and its tags. */
export function About({ workspace, experiment }: { readonly workspace: string; readonly experiment: Experiment }) {
  const client = useQueryClient();
  const { name } = experiment;
  const changed = async (work: Promise<unknown>): Promise<void> => {
    await work;
    await client.invalidateQueries({ queryKey: ["experiment", workspace] });
    await client.invalidateQueries({ queryKey: ["experiments", workspace] });
  };
  return (
    <section aria-label={`About ${experiment.displayName}`} className={styles.about}>
      <p className={styles.facts}>
        {experiment.displayName} · experiment <code>{idOf(name)}</code>
        <CopyButton text={idOf(name)} label="Copy the experiment id" /> · created{" "}
        <Time at={millis(experiment.createTime)} /> ·{" "}
        <PathLink path={loggedModelsPath(workspace, idOf(name))}>logged models</PathLink>
      </p>
      <Description
        text={experiment.description}
        onSave={(description) =>
          changed(
            tracking.updateExperiment({ experiment: { name, description }, updateMask: { paths: ["description"] } }),
          )
        }
      />
      <Tags
        tags={experiment.tags}
        onChange={(key, value) =>
          changed(
            tracking.setExperimentTags(
              value === null ? { name, deletedTags: [key] } : { name, tags: { [key]: value } },
            ),
          )
        }
      />
    </section>
  );
}
