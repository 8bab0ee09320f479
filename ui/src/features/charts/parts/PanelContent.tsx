import { memo, Suspense } from "react";

import type { Range } from "~/charts/curve";
import type { Panel } from "~/features/charts/board";
import { KINDS } from "~/features/charts/kinds";
import type { Changes, Look, Picture, ShownRun } from "~/features/charts/panel";
import { PanelBoundary } from "~/features/charts/parts/PanelBoundary";
import type { PanelActions } from "~/features/charts/parts/PanelMenu";
import { usePointing } from "~/features/charts/pointing";
import type { Scope } from "~/shared/runs/queries";
import { useStore } from "~/shared/Store";

/** What all panels of the page have. */
export interface Shared {
  readonly scope: Scope;
  /** Those that are not hidden. */
  readonly runs: readonly ShownRun[];
  readonly look: Look;
  readonly changes: Changes;
  readonly zoom: Range | null;
  readonly onZoom: (zoom: Range | null) => void;
  /** Shows the page of a run. */
  readonly onRun: (runId: string) => void;
}

interface Properties {
  readonly panel: Panel;
  readonly shared: Shared;
  readonly actions: PanelActions;
  /** Told how what is shown is drawn into a file; the same function each time. */
  readonly onPicture: (picture: Picture | null) => void;
}

/** What a panel draws. It is drawn anew for what it shows alone: there are many. */
export const PanelContent = memo(function PanelContent({ panel, shared, actions, onPicture }: Properties) {
  const { scope, runs, look, changes, zoom, onZoom, onRun } = shared;
  const pointing = usePointing();
  const lit = useStore(pointing.lit);
  const cursor = useStore(pointing.cursor);
  const { Body } = KINDS[panel.kind];
  return (
    <PanelBoundary of={panel.kind}>
      <Suspense>
        <Body
          workspace={scope.workspace}
          runs={runs}
          settings={panel.settings}
          onSettings={(settings) => actions.onChange(panel.id, { settings })}
          look={look}
          lit={lit}
          onLight={pointing.lit.put}
          zoom={zoom}
          onZoom={onZoom}
          cursor={cursor}
          onCursor={pointing.cursor.put}
          changes={changes}
          onPicture={onPicture}
          onOpen={onRun}
        />
      </Suspense>
    </PanelBoundary>
  );
});
