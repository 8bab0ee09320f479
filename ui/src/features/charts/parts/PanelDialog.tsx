import { Suspense, useId, useState } from "react";

import type { KindName } from "~/features/charts/kinds";
import { KIND_NAMES, KINDS } from "~/features/charts/kinds";
import styles from "~/features/charts/parts/PanelDialog.module.css";
import { PanelBoundary } from "~/features/charts/parts/PanelBoundary";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";
import { Skeleton } from "~/shared/components/Skeleton";
import type { Scope } from "~/shared/runs/queries";

/** What a panel is to be. */
export interface PanelDraft {
  readonly kind: KindName;
  readonly section: string;
  readonly settings: unknown;
}

interface Properties {
  readonly scope: Scope;
  readonly title: string;
  /** What it is until somebody changes it; null while the dialog is closed. */
  readonly draft: PanelDraft | null;
  /** Whether it can be of another kind. */
  readonly isNew: boolean;
  readonly sections: readonly string[];
  readonly onClose: () => void;
  readonly onSave: (draft: PanelDraft) => void;
}

/** What a panel shows, and where it stands. */
export function PanelDialog({ title, draft, onClose, ...rest }: Properties) {
  return (
    <Dialog title={title} isOpen={draft !== null} onClose={onClose}>
      {draft !== null && <PanelForm {...rest} first={draft} onClose={onClose} />}
    </Dialog>
  );
}

type FormProperties = Omit<Properties, "title" | "draft"> & { readonly first: PanelDraft };

function PanelForm({ scope, first, isNew, sections, onClose, onSave }: FormProperties) {
  const names = useId();
  const [draft, setDraft] = useState(first);
  const { SettingsForm } = KINDS[draft.kind];
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(draft);
        onClose();
      }}
    >
      {isNew && (
        <Field label="Kind">
          {(control) => (
            <select
              {...control}
              value={draft.kind}
              onChange={(event) => {
                const kind = KIND_NAMES.find((each) => each === event.target.value) ?? draft.kind;
                setDraft({ ...draft, kind, settings: undefined });
              }}
            >
              {KIND_NAMES.map((kind) => (
                <option key={kind} value={kind}>
                  {KINDS[kind].label}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <PanelBoundary of={draft.kind}>
        <Suspense fallback={<Skeleton rows={4} />}>
          <SettingsForm
            scope={scope}
            settings={draft.settings}
            onSettings={(settings) => setDraft((now) => ({ ...now, settings }))}
          />
        </Suspense>
      </PanelBoundary>
      <Field label="Section" hint="Panels with the same section stand together">
        {(control) => (
          <input
            {...control}
            list={names}
            value={draft.section}
            onChange={(event) => setDraft({ ...draft, section: event.target.value })}
          />
        )}
      </Field>
      <datalist id={names}>
        {sections.map((each) => (
          <option key={each} value={each} aria-label={each} />
        ))}
      </datalist>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary">
          {isNew ? "Add" : "Save"}
        </Button>
      </DialogActions>
    </form>
  );
}
