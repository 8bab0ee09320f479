import { GitCompareArrows, RotateCcw, Tag, Trash2, X } from "lucide-react";
import { useState } from "react";

import type { Changed } from "~/features/runs/changes";
import { deleteRuns, restoreRuns, tagRuns } from "~/features/runs/changes";
import { TagDialog } from "~/features/runs/parts/TagDialog";
import { Button } from "~/shared/components/Button";
import { notify, notifyFailure } from "~/shared/components/toasts";
import { Toolbar } from "~/shared/components/Toolbar";
import { count } from "~/shared/format/numbers";
import { ViewSwitch } from "~/shared/runs/ViewSwitch";

interface Properties {
  readonly workspace: string;
  /** Of whose table it is. */
  readonly experiment: string;
  readonly ids: readonly string[];
  /** Whether deleted runs may be among them, and those in use. */
  readonly mayHave: { readonly deleted: boolean; readonly active: boolean };
  readonly onCompare: () => void;
  readonly onClear: () => void;
  /** Told which runs were changed. */
  readonly onChanged: (ids: readonly string[]) => void;
}

/** What can be done with the runs that are selected; it stands where the toolbar was. */
export function BulkBar({ workspace, experiment, ids, mayHave, onCompare, onClear, onChanged }: Properties) {
  const [isTagging, setTagging] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const change = async (verb: string, work: Promise<Changed>): Promise<void> => {
    setBusy(true);
    const { done, failure } = await work;
    setBusy(false);
    if (failure === null) notify(`${verb} ${runs(done.length)}`);
    else notifyFailure(`${verb} ${done.length} of ${runs(ids.length)}`, failure);
    onChanged(done);
  };
  return (
    <Toolbar title={`${runs(ids.length)} selected`}>
      <ViewSwitch workspace={workspace} experiment={experiment} shown="table" />
      <Button kind="primary" icon={<GitCompareArrows />} disabled={ids.length < 2} onClick={onCompare}>
        Compare
      </Button>
      <Button icon={<Tag />} disabled={isBusy} onClick={() => setTagging(true)}>
        Tag
      </Button>
      {mayHave.active && (
        <Button
          kind="danger"
          icon={<Trash2 />}
          disabled={isBusy}
          onClick={() => void change("Deleted", deleteRuns(workspace, ids)).then(onClear)}
        >
          Delete
        </Button>
      )}
      {mayHave.deleted && (
        <Button
          icon={<RotateCcw />}
          disabled={isBusy}
          onClick={() => void change("Restored", restoreRuns(workspace, ids)).then(onClear)}
        >
          Restore
        </Button>
      )}
      <Button kind="quiet" icon={<X />} onClick={onClear}>
        Clear the selection
      </Button>
      <TagDialog
        title={`Tag ${runs(ids.length)}`}
        isOpen={isTagging}
        onClose={() => setTagging(false)}
        onSave={(key, value) => change("Tagged", tagRuns(workspace, ids, key, value))}
      />
    </Toolbar>
  );
}

const runs = (number: number): string => `${count(number)} ${number === 1 ? "run" : "runs"}`;
