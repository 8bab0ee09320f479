import { useCallback, useMemo, useState } from "react";

import type { Panel, Section } from "~/features/charts/board";
import { ADDED, newId, sectionsOf, withChange, withMoved } from "~/features/charts/board";
import type { PanelDraft } from "~/features/charts/parts/PanelDialog";
import type { PanelActions } from "~/features/charts/parts/PanelMenu";
import type { ChartsSearch, PanelChanges } from "~/features/charts/search";

const NO_CHANGES: PanelChanges = {};

/** A panel that is being added or edited. */
interface Edited {
  /** Null for one that is not there yet. */
  readonly id: string | null;
  readonly draft: PanelDraft;
}

/** The panels of the page, and what can be done with them: changes of the URL. */
export function usePanels(
  keys: readonly string[],
  search: ChartsSearch,
  go: (change: Partial<ChartsSearch>, isStep?: boolean) => void,
) {
  const changes = search.panels ?? NO_CHANGES;
  const sections = useMemo(() => sectionsOf(keys, changes), [keys, changes]);
  const [edited, setEdited] = useState<Edited | null>(null);
  const put = useCallback(
    (next: PanelChanges, more: Partial<ChartsSearch> = {}): void =>
      go({ ...more, panels: Object.keys(next).length === 0 ? undefined : next }),
    [go],
  );
  const actions = useMemo<PanelActions>(
    () => ({
      onChange: (id, change) => put(withChange(changes, id, change)),
      onOpen: (id) => go({ panel: id }),
      onEdit: (id) => setEdited(editedIn(sections, id)),
      onReset: (id) => put(without(changes, id)),
      onRemove: (id) => {
        const isOfMetric = panelIn(sections, id)?.isOfMetric === true;
        put(isOfMetric ? withChange(changes, id, { isGone: true }) : without(changes, id), { panel: undefined });
      },
      isChanged: (id) => id in changes,
    }),
    [changes, sections, go, put],
  );
  const gone = Object.entries(changes).filter(([, change]) => change.isGone === true);
  return {
    sections,
    actions,
    edited,
    /** The panel that is shown alone. */
    alone: search.panel === undefined ? null : panelIn(sections, search.panel),
    removed: gone.length,
    restore: () => put(Object.fromEntries(Object.entries(changes).filter(([, change]) => change.isGone !== true))),
    move: (id: string, section: string, place: number) => put(withMoved(sections, changes, id, section, place)),
    add: () => setEdited({ id: null, draft: { kind: "lines", section: ADDED, settings: undefined } }),
    stopEditing: () => setEdited(null),
    keep: ({ kind, section, settings }: PanelDraft) => {
      if (edited === null) return;
      const id = edited.id ?? newId(changes);
      const isMoved = section !== edited.draft.section;
      put(
        withChange(changes, id, {
          ...(edited.id === null ? { kind } : {}),
          // Where it stood in another section means nothing here.
          ...(isMoved || edited.id === null ? { section, place: undefined } : {}),
          settings,
        }),
      );
    },
  };
}

const panelIn = (sections: readonly Section[], id: string): Panel | null =>
  sections.flatMap(({ panels }) => panels).find((panel) => panel.id === id) ?? null;

function editedIn(sections: readonly Section[], id: string): Edited | null {
  const section = sections.find(({ panels }) => panels.some((panel) => panel.id === id));
  const panel = panelIn(sections, id);
  if (section === undefined || panel === null) return null;
  return { id, draft: { kind: panel.kind, section: section.name, settings: panel.settings } };
}

const without = (changes: PanelChanges, id: string): PanelChanges =>
  Object.fromEntries(Object.entries(changes).filter(([each]) => each !== id));
