import { useRef } from "react";

import { idOf } from "~/api/names";
import type { TabProperties } from "~/features/run/Page";
import { BrokenRules } from "~/features/run/parts/BrokenRules";
import { Datasets } from "~/features/run/parts/Datasets";
import { Details } from "~/features/run/parts/Details";
import { Ending } from "~/features/run/parts/Ending";
import { Metrics, Params } from "~/features/run/parts/KeyValues";
import { Models } from "~/features/run/parts/Models";
import styles from "~/features/run/parts/Overview.module.css";
import { Related } from "~/features/run/parts/Related";
import { Reproduce } from "~/features/run/parts/Reproduce";
import { useRunChanges } from "~/features/run/queries";
import { Description } from "~/shared/components/Description";
import { SearchBox } from "~/shared/components/SearchBox";
import { Section } from "~/shared/components/Section";
import { Tags } from "~/shared/components/Tags";
import { useShortcuts } from "~/shared/hooks/useShortcuts";

/** What a run is, what went into it and what came out. */
export function Overview({ workspace, run, search, go }: TabProperties) {
  const id = idOf(run.name);
  const changes = useRunChanges(workspace, id);
  const box = useRef<HTMLInputElement>(null);
  useShortcuts([{ key: "/", does: "search params and metrics", run: () => box.current?.focus() }]);
  return (
    <>
      <Ending run={run} />
      <BrokenRules run={run} />
      <div className={styles.columns}>
        <div className={styles.column}>
          <Details workspace={workspace} run={run} />
          <Section title="Tags">
            <Tags tags={run.tags} onChange={(key, value) => changes.setTag.mutateAsync({ key, value })} />
          </Section>
          <Datasets run={run} />
          <Models workspace={workspace} run={run} />
          <Related workspace={workspace} run={run} />
          <Reproduce workspace={workspace} run={run} />
        </div>
        <div className={styles.column}>
          <Section title="Description">
            <Description
              key={run.description}
              text={run.description}
              onSave={(description) => changes.describe.mutateAsync(description)}
            />
          </Section>
          <div className={styles.search}>
            <SearchBox
              label="Search params and metrics"
              text={search.q ?? ""}
              onText={(q) => go({ q: q === "" ? undefined : q }, true)}
              boxRef={box}
            />
          </div>
          <div className={styles.tables}>
            <Metrics
              workspace={workspace}
              run={id}
              query={search.q ?? ""}
              onChart={(key) =>
                go({ tab: key.startsWith("system/") ? "system" : "metrics", metric: [key], q: undefined })
              }
            />
            <Params params={run.params} query={search.q ?? ""} />
          </div>
        </div>
      </div>
    </>
  );
}
