import { Ellipsis, Expand, FileDown, Image, Maximize, Pencil, RotateCcw, Shapes, Trash2 } from "lucide-react";
import type { RefObject } from "react";

import { failureOf } from "~/api/errors";
import { useInks } from "~/charts/inks";
import { pngOf, svgOf } from "~/charts/picture";
import type { Panel } from "~/features/charts/board";
import { KINDS } from "~/features/charts/kinds";
import type { Picture } from "~/features/charts/panel";
import type { Shared } from "~/features/charts/parts/PanelContent";
import type { PanelChange } from "~/features/charts/search";
import { IconButton } from "~/shared/components/Button";
import type { MenuItem } from "~/shared/components/Menu";
import { Menu } from "~/shared/components/Menu";
import { notify, notifyFailure } from "~/shared/components/toasts";
import { fileName, save } from "~/shared/save";

/** What can be done with panels, by their ids. */
export interface PanelActions {
  readonly onChange: (id: string, change: PanelChange) => void;
  /** Shows it alone. */
  readonly onOpen: (id: string) => void;
  readonly onEdit: (id: string) => void;
  /** Takes back what was changed of it. */
  readonly onReset: (id: string) => void;
  /** Takes it away. */
  readonly onRemove: (id: string) => void;
  /** Whether it is not as at first. */
  readonly isChanged: (id: string) => boolean;
}

interface Properties {
  readonly panel: Panel;
  readonly shared: Shared;
  readonly actions: PanelActions;
  /** What full screens show. */
  readonly frame: RefObject<HTMLElement | null>;
  readonly picture: RefObject<Picture | null>;
  /** Whether no other panel is shown. */
  readonly isAlone?: boolean;
}

export function PanelMenu({ panel, shared, actions, frame, picture, isAlone = false }: Properties) {
  const inks = useInks();
  const { id, title, kind, settings, isOfMetric } = panel;
  const name = fileName(title);
  const attempt = (work: () => Promise<void>): void =>
    void work().catch((error: unknown) => notifyFailure(`${title} was not saved`, failureOf(error)));
  const draw = (into: (picture: Picture) => Promise<void>) => (): void => {
    if (picture.current === null) notify(`${title} has nothing to save yet`);
    else {
      const drawn = picture.current;
      attempt(() => into(drawn));
    }
  };
  const items: readonly (MenuItem | null)[] = [
    isAlone ? null : { id: "open", label: "Only this panel", icon: <Expand />, onChoose: () => actions.onOpen(id) },
    {
      id: "full",
      label: "Full screen",
      icon: <Maximize />,
      onChoose: () => attempt(async () => frame.current?.requestFullscreen()),
    },
    { id: "edit", label: "Edit", icon: <Pencil />, onChoose: () => actions.onEdit(id) },
    {
      id: "png",
      label: "Save as PNG",
      icon: <Image />,
      onChoose: draw(async (drawn) => save(await pngOf(drawn.draw, drawn.size, inks.ground), `${name}.png`)),
    },
    {
      id: "svg",
      label: "Save as SVG",
      icon: <Shapes />,
      onChoose: draw(async (drawn) =>
        save(new Blob([svgOf(drawn.draw, drawn.size, inks.ground)], { type: "image/svg+xml" }), `${name}.svg`),
      ),
    },
    {
      id: "csv",
      label: "Save as CSV",
      icon: <FileDown />,
      onChoose: () =>
        attempt(async () => {
          const { scope, runs, look, zoom } = shared;
          const text = await KINDS[kind].csv({ workspace: scope.workspace, runs, settings, look, zoom });
          // Told that it is UTF-8, spreadsheets read it as such.
          save(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }), `${name}.csv`);
        }),
    },
    isOfMetric && actions.isChanged(id)
      ? { id: "reset", label: "As at first", icon: <RotateCcw />, onChoose: () => actions.onReset(id) }
      : null,
    { id: "remove", label: "Remove", icon: <Trash2 />, isDangerous: true, onChoose: () => actions.onRemove(id) },
  ];
  return (
    <Menu
      trigger={<IconButton label={`Actions for ${title}`} icon={<Ellipsis />} />}
      items={items.filter((item) => item !== null)}
    />
  );
}
