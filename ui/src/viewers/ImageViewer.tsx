import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { useState } from "react";

import { showUrl } from "~/api/files";
import { IconButton } from "~/shared/components/Button";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { Frame } from "~/viewers/Frame";
import styles from "~/viewers/ImageViewer.module.css";
import { NotShown } from "~/viewers/NotShown";
import type { Shown } from "~/viewers/reading";

const ZOOMS = [0.1, 0.25, 0.5, 1, 2, 4, 8];

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A picture. Scripts of an SVG do not run in an image. */
export default function ImageViewer({ file }: { readonly file: Shown }) {
  const [size, setSize] = useState<Size | null>(null);
  /** Null: as large as the room for it, and never larger than it is. */
  const [zoom, setZoom] = useState<number | null>(null);
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <NotShown file={file} why="The browser cannot read this picture." />;
  const larger = ZOOMS.find((each) => each > (zoom ?? 1));
  const smaller = ZOOMS.findLast((each) => each < (zoom ?? 1));
  const scaled = zoom === null || size === null ? {} : { width: size.width * zoom, height: size.height * zoom };
  return (
    <Frame
      note={size === null ? "" : `${size.width} × ${size.height} pixels · ${zoom === null ? "fit" : `${zoom * 100} %`}`}
      controls={
        <>
          <IconButton
            label="Smaller"
            icon={<ZoomOut />}
            disabled={smaller === undefined}
            onClick={() => setZoom(smaller ?? zoom)}
          />
          <IconButton
            label="Larger"
            icon={<ZoomIn />}
            disabled={larger === undefined}
            onClick={() => setZoom(larger ?? zoom)}
          />
          <IconButton label="Fit" icon={<Maximize />} disabled={zoom === null} onClick={() => setZoom(null)} />
        </>
      }
    >
      <ScrollRegion label={`Picture ${file.name}`} className={styles.scroll}>
        <img
          src={showUrl(file.place)}
          alt={file.name}
          className={zoom === null ? styles.fit : styles.zoomed}
          style={scaled}
          onLoad={(event) =>
            setSize({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })
          }
          onError={() => setBroken(true)}
        />
      </ScrollRegion>
    </Frame>
  );
}
