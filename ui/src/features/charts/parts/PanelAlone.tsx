import { ArrowLeft } from "lucide-react";
import { useRef } from "react";

import type { Panel } from "~/features/charts/board";
import styles from "~/features/charts/parts/PanelFrame.module.css";
import type { Shared } from "~/features/charts/parts/PanelContent";
import { PanelContent } from "~/features/charts/parts/PanelContent";
import type { PanelActions } from "~/features/charts/parts/PanelMenu";
import { PanelMenu } from "~/features/charts/parts/PanelMenu";
import { usePicture } from "~/features/charts/parts/usePicture";
import { Button } from "~/shared/components/Button";
import { useShortcuts } from "~/shared/hooks/useShortcuts";

interface Properties {
  readonly panel: Panel;
  readonly shared: Shared;
  readonly actions: PanelActions;
  /** Shows all panels again. */
  readonly onClose: () => void;
}

/** One panel, as large as there is room. */
export function PanelAlone({ panel, shared, actions, onClose }: Properties) {
  const frame = useRef<HTMLElement>(null);
  const { picture, onPicture } = usePicture();
  const isZoomed = shared.zoom !== null;
  useShortcuts([
    {
      key: "Escape",
      does: isZoomed ? "show all of the x axis" : "show all panels",
      run: () => (isZoomed ? shared.onZoom(null) : onClose()),
    },
  ]);
  return (
    <figure ref={frame} className={`${styles.frame} ${styles.alone}`} aria-label={panel.title}>
      <figcaption className={styles.head}>
        <Button icon={<ArrowLeft />} onClick={onClose}>
          All panels
        </Button>
        <strong className={styles.name}>{panel.title}</strong>
        <PanelMenu panel={panel} shared={shared} actions={actions} frame={frame} picture={picture} isAlone />
      </figcaption>
      <div className={styles.place}>
        <PanelContent panel={panel} shared={shared} actions={actions} onPicture={onPicture} />
      </div>
    </figure>
  );
}
