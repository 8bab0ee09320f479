import { useState } from "react";

import type { TabProperties } from "~/features/run/Page";
import { ArtifactBrowser } from "~/shared/artifacts/ArtifactBrowser";
import { Button } from "~/shared/components/Button";
import { RegisterDialog } from "~/shared/models/RegisterDialog";
import type { RegisterSource } from "~/shared/models/registering";

/** The files of a run, and the models among them, which can be registered. */
export default function ArtifactsTab({ workspace, run, search, go }: TabProperties) {
  const [registered, setRegistered] = useState<RegisterSource | null>(null);
  return (
    <>
      <ArtifactBrowser
        workspace={workspace}
        owner={run.name}
        path={search.path ?? ""}
        onPath={(path) => go({ path: path === "" ? undefined : path })}
        actions={(folder) => (
          <Button kind="primary" onClick={() => setRegistered(folder.place)}>
            Register this model
          </Button>
        )}
      />
      {registered !== null && (
        <RegisterDialog workspace={workspace} source={registered} isOpen onClose={() => setRegistered(null)} />
      )}
    </>
  );
}
