import { Copy, Ellipsis, Pencil, RotateCcw, Trash2 } from "lucide-react";
import { use } from "react";

import { LookupContext } from "~/features/runs/parts/lookup";
import styles from "~/features/runs/parts/RunsGrid.module.css";
import type { RunRow } from "~/features/runs/rows";
import { IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { notify } from "~/shared/components/toasts";

/** What can be done with one run. */
export function RunMenu({ row }: { readonly row: RunRow }) {
  const { onRename, onDelete, onRestore } = use(LookupContext);
  return (
    <Menu
      trigger={
        <IconButton label={`Actions for ${row.displayName}`} icon={<Ellipsis />} className={styles.actions ?? ""} />
      }
      items={[
        {
          id: "copy",
          label: "Copy the run id",
          icon: <Copy />,
          onChoose: () => void navigator.clipboard.writeText(row.id).then(() => notify(`Copied ${row.id}`)),
        },
        {
          id: "rename",
          label: "Rename",
          icon: <Pencil />,
          isDisabled: row.isDeleted,
          onChoose: () => onRename(row),
        },
        row.isDeleted
          ? { id: "restore", label: "Restore", icon: <RotateCcw />, onChoose: () => onRestore(row) }
          : { id: "delete", label: "Delete", icon: <Trash2 />, isDangerous: true, onChoose: () => onDelete(row) },
      ]}
    />
  );
}
