import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";

import { tracking } from "~/api/clients";
import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { SavedView } from "~/api/gen/trivet/tracking/v1/saved_view_pb";
import { experimentName, idOf, workspaceName } from "~/api/names";
import { asUrl, isOther, ofView, savedIn, shownBy, stateOf, withoutView } from "~/features/charts/saved";
import { savedViewQuery } from "~/features/charts/savedQueries";
import type { ChartsSearch } from "~/features/charts/search";

/** Changes the URL; `isStep` is whether Back undoes that alone. */
export type Go = (change: Partial<ChartsSearch>, isStep?: boolean) => void;

/** The view that the URL names, and what can be done with views. */
export interface View {
  /** Null where the URL names none, or it is not read yet. */
  readonly saved: SavedView | null;
  /** Whether what is shown is not what was saved. */
  readonly isChanged: boolean;
  readonly isPending: boolean;
  readonly failure: Failure | null;
  /** Shows a view as it was saved; undefined for what there is without one. */
  readonly open: (id: string | undefined) => void;
  /** Saves what is shown under a new name. */
  readonly saveAs: (displayName: string) => Promise<void>;
  /** Saves what is shown under the name that it has. */
  readonly save: () => Promise<void>;
  readonly rename: (view: SavedView, displayName: string) => Promise<void>;
  readonly remove: (view: SavedView) => Promise<void>;
}

/** What the page shows, by its URL and the view that this names. */
export function useView(
  workspace: string,
  experiment: string,
  search: ChartsSearch,
  goUrl: Go,
): { readonly search: ChartsSearch; readonly go: Go; readonly view: View } {
  const client = useQueryClient();
  const id = search.saved;
  const read = useQuery({ ...savedViewQuery(workspace, id ?? ""), enabled: id !== undefined });
  const saved = id === undefined ? null : (read.data ?? null);
  const state = saved?.state;
  const kept = useMemo(() => (state === undefined ? null : savedIn(state)), [state]);
  const shown = useMemo(() => shownBy(search, kept), [search, kept]);
  const go = useCallback<Go>((change, isStep) => goUrl(asUrl(search, kept, change), isStep), [goUrl, search, kept]);
  const changed = async (view: SavedView): Promise<void> => {
    client.setQueryData(savedViewQuery(workspace, idOf(view.name)).queryKey, view);
    await client.invalidateQueries({ queryKey: ["saved-views", workspace] });
  };
  const view: View = {
    saved,
    isChanged: kept !== null && isOther(shown, kept),
    isPending: id !== undefined && read.isPending,
    failure: id === undefined || read.error === null || read.data !== undefined ? null : failureOf(read.error),
    open: (next) => goUrl(ofView(next)),
    saveAs: async (displayName) => {
      const made = await tracking.createSavedView({
        parent: workspaceName(workspace),
        savedView: { experiment: experimentName(workspace, experiment), displayName, state: stateOf(shown) },
        requestId: crypto.randomUUID(),
      });
      await changed(made);
      goUrl(ofView(idOf(made.name)));
    },
    save: async () => {
      if (saved === null) return;
      const { name, etag } = saved;
      try {
        await changed(
          await tracking.updateSavedView({
            savedView: { name, etag, state: stateOf(shown) },
            updateMask: { paths: ["state"] },
          }),
        );
      } catch (error) {
        // Somebody else may have changed it: what is shown is in the URL, and can be saved over that.
        await read.refetch();
        throw error;
      }
      goUrl(ofView(id));
    },
    rename: async ({ name, etag }, displayName) =>
      changed(
        await tracking.updateSavedView({
          savedView: { name, etag, displayName },
          updateMask: { paths: ["display_name"] },
        }),
      ),
    remove: async ({ name }) => {
      await tracking.deleteSavedView({ name });
      // What it showed stays.
      if (idOf(name) === id) goUrl(withoutView(shown));
      await client.invalidateQueries({ queryKey: ["saved-views", workspace] });
    },
  };
  return { search: shown, go, view };
}
