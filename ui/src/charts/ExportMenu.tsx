import { Download } from "lucide-react";

import type { Draw, Size } from "~/charts/canvas";
import { pngOf, svgOf } from "~/charts/picture";
import { IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { fileName, save } from "~/shared/save";

interface Properties {
  /** The name of the file, without its ending. */
  readonly name: string;
  readonly draw: Draw;
  readonly size: Size;
  readonly ground: string;
}

/** Saves a chart as a picture. */
export function ExportMenu({ name, draw, size, ground }: Properties) {
  return (
    <Menu
      trigger={<IconButton label="Save the chart" icon={<Download />} />}
      items={[
        {
          id: "svg",
          label: "SVG",
          onChoose: () =>
            save(new Blob([svgOf(draw, size, ground)], { type: "image/svg+xml" }), `${fileName(name)}.svg`),
        },
        {
          id: "png",
          label: "PNG",
          onChoose: () => void pngOf(draw, size, ground).then((blob) => save(blob, `${fileName(name)}.png`)),
        },
      ]}
    />
  );
}
