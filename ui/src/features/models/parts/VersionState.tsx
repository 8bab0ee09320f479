import { CircleCheck, CircleX, Clock, LoaderCircle } from "lucide-react";

import { ModelVersionState } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { StatusWord } from "~/shared/components/Status";

const SHOWN = {
  [ModelVersionState.UNSPECIFIED]: { word: "unknown", tone: "soft", Icon: Clock },
  [ModelVersionState.PENDING]: { word: "being linked", tone: "busy", Icon: LoaderCircle },
  [ModelVersionState.READY]: { word: "ready", tone: "good", Icon: CircleCheck },
  [ModelVersionState.FAILED]: { word: "failed", tone: "bad", Icon: CircleX },
} as const;

/** Whether the files of a version are in place. */
export function VersionState({ state }: { readonly state: ModelVersionState }) {
  return <StatusWord {...SHOWN[state]} />;
}
