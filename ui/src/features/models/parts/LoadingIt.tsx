import { useState } from "react";

import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { idOf } from "~/api/names";
import styles from "~/features/models/parts/LoadingIt.module.css";
import { NO_STAGE } from "~/features/models/stages";
import { Section } from "~/shared/components/Section";
import { Snippet } from "~/shared/components/Snippet";
import { pandasCode, trivetCode } from "~/shared/models/loading";
import { columnsOf } from "~/shared/models/schema";

interface Properties {
  readonly workspace: string;
  readonly model: string;
  readonly version: ModelVersion;
}

/** Lines that load a version, by its number or by what points at it. */
export function LoadingIt({ workspace, model, version }: Properties) {
  const uris = [
    `models:/${model}/${idOf(version.name)}`,
    ...version.aliases.map((alias) => `models:/${model}@${alias}`),
    ...(version.stage === NO_STAGE ? [] : [`models:/${model}/${version.stage}`]),
  ];
  const [chosen, setChosen] = useState("");
  const uri = uris.find((each) => each === chosen) ?? uris[0] ?? "";
  const loaded = {
    uri,
    server: globalThis.location.origin,
    workspace,
    flavors: [],
    inputs: columnsOf(version.signature?.inputs ?? "") ?? [],
  };
  return (
    <Section
      title="Load it"
      actions={
        uris.length > 1 && (
          <select
            aria-label="The URI to load it by"
            className={styles.uri}
            value={uri}
            onChange={(event) => setChosen(event.target.value)}
          >
            {uris.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )
      }
    >
      <div className={styles.lines}>
        <Snippet label="Fetch its files with trivet" code={trivetCode(loaded)} />
        <Snippet label="Load it with MLflow and predict" code={pandasCode(loaded)} />
      </div>
    </Section>
  );
}
