import { Bookmark } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { SavedView } from "~/api/gen/trivet/tracking/v1/saved_view_pb";
import styles from "~/features/charts/parts/ViewsButton.module.css";
import { ViewsDialog } from "~/features/charts/parts/ViewsDialog";
import type { View } from "~/features/charts/useView";
import { Button } from "~/shared/components/Button";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { NameDialog } from "~/shared/components/NameDialog";
import { notify, notifyFailure } from "~/shared/components/toasts";

interface Properties {
  readonly workspace: string;
  readonly experiment: string;
  readonly view: View;
}

/** The view that is shown, and whether it is as it was saved; opens the list of views. */
export function ViewsButton({ workspace, experiment, view }: Properties) {
  const [isOpen, setOpen] = useState(false);
  const [renamed, setRenamed] = useState<SavedView | null>(null);
  const [removed, setRemoved] = useState<SavedView | null>(null);
  const { saved, isChanged } = view;
  const save = (): void =>
    void view.save().then(
      () => notify(`Saved ${saved?.displayName ?? ""}`),
      (error: unknown) => notifyFailure("The view was not saved", failureOf(error)),
    );
  const name = saved?.displayName ?? "";
  return (
    <span className={styles.views}>
      <Button icon={<Bookmark />} onClick={() => setOpen(true)} title="Saved views">
        <span className={styles.name}>{saved === null ? "Views" : name}</span>
        {isChanged && <span className={styles.changed}>changed</span>}
      </Button>
      {isChanged && (
        <>
          <Button onClick={save}>Save</Button>
          <Button kind="quiet" onClick={() => view.open(saved?.name.split("/").at(-1))}>
            Discard
          </Button>
        </>
      )}
      <ViewsDialog
        workspace={workspace}
        experiment={experiment}
        view={view}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        onRename={(each) => {
          setOpen(false);
          setRenamed(each);
        }}
        onRemove={(each) => {
          setOpen(false);
          setRemoved(each);
        }}
      />
      <NameDialog
        key={renamed?.name}
        title="Rename the view"
        action="Rename"
        name={renamed?.displayName ?? ""}
        mostCharacters={250}
        isOpen={renamed !== null}
        onClose={() => setRenamed(null)}
        onSave={async (next) => {
          if (renamed !== null) await view.rename(renamed, next);
        }}
      />
      <ChangeDialog
        title={`Delete ${removed?.displayName ?? ""}`}
        action="Delete"
        isDangerous
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
        onConfirm={async () => {
          if (removed !== null) await view.remove(removed);
        }}
      >
        <p>Links to the view lead nowhere then. The runs and their metrics stay.</p>
      </ChangeDialog>
    </span>
  );
}
