import { useQuery } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { SavedView } from "~/api/gen/trivet/tracking/v1/saved_view_pb";
import { experimentName, idOf } from "~/api/names";
import { millis } from "~/api/times";
import styles from "~/features/charts/parts/ViewsDialog.module.css";
import { savedViewsQuery } from "~/features/charts/savedQueries";
import type { View } from "~/features/charts/useView";
import { Button, IconButton } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Time } from "~/shared/components/Time";

interface Properties {
  readonly workspace: string;
  readonly experiment: string;
  readonly view: View;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onRename: (view: SavedView) => void;
  readonly onRemove: (view: SavedView) => void;
}

const MOST_CHARACTERS = 250;

/** The views of a workspace to open, and a name to save what is shown. */
export function ViewsDialog(properties: Properties) {
  return (
    <Dialog title="Views" isOpen={properties.isOpen} onClose={properties.onClose}>
      <Views {...properties} />
    </Dialog>
  );
}

function Views({ workspace, experiment, view, onClose, onRename, onRemove }: Properties) {
  const { data, error, refetch } = useQuery(savedViewsQuery(workspace));
  const here = experimentName(workspace, experiment);
  const list = (title: string, views: readonly SavedView[]) =>
    views.length > 0 && (
      <section aria-label={title}>
        <h3 className={styles.heading}>{title}</h3>
        <ul className={styles.list}>
          {views.map((each) => (
            <li key={each.name} className={styles.row}>
              <button
                type="button"
                className={styles.open}
                aria-current={each.name === view.saved?.name}
                onClick={() => {
                  view.open(idOf(each.name));
                  onClose();
                }}
              >
                {each.displayName}
              </button>
              <span className={styles.soft}>
                {each.createdBy} · <Time at={millis(each.updateTime)} />
              </span>
              <IconButton label={`Rename ${each.displayName}`} icon={<Pencil />} onClick={() => onRename(each)} />
              <IconButton label={`Delete ${each.displayName}`} icon={<Trash2 />} onClick={() => onRemove(each)} />
            </li>
          ))}
        </ul>
      </section>
    );
  return (
    <>
      <NewView view={view} onSaved={onClose} />
      {error !== null && <Problem failure={failureOf(error)} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Skeleton rows={3} />}
      {data?.length === 0 && <p className={styles.soft}>None is saved yet. A view has filters, groups and panels.</p>}
      {list(
        "Of this experiment",
        (data ?? []).filter((each) => each.experiment === here),
      )}
      {list(
        "Of others",
        (data ?? []).filter((each) => each.experiment !== here),
      )}
      {view.saved !== null && (
        <DialogActions>
          <Button
            onClick={() => {
              view.open(undefined);
              onClose();
            }}
          >
            Show no view
          </Button>
        </DialogActions>
      )}
    </>
  );
}

/** Asks for a name, and saves what is shown under it. Where that fails, it says why, and keeps what was typed. */
function NewView({ view, onSaved }: { readonly view: View; readonly onSaved: () => void }) {
  const [name, setName] = useState("");
  const [isSaving, setSaving] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const save = async (): Promise<void> => {
    setSaving(true);
    try {
      await view.saveAs(name);
      onSaved();
    } catch (error) {
      setFailure(failureOf(error));
      setSaving(false);
    }
  };
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field
        label="Save what is shown as"
        fault={failure === null ? "" : `${failure.message} ${failure.nextStep}`}
        hint="Everybody in the workspace sees it"
      >
        {(control) => (
          <input
            {...control}
            required
            maxLength={MOST_CHARACTERS}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" kind="primary" disabled={isSaving || name.trim() === ""}>
        Save
      </Button>
    </form>
  );
}
