import { Boxes, File, Folder } from "lucide-react";

import { millis } from "~/api/times";
import styles from "~/shared/artifacts/EntryList.module.css";
import type { Entry } from "~/shared/artifacts/tree";
import { shownName } from "~/shared/artifacts/tree";
import { Time } from "~/shared/components/Time";
import { bytes } from "~/shared/format/numbers";
import type { Column } from "~/shared/table/Table";
import { VirtualTable } from "~/shared/table/VirtualTable";

interface Properties {
  readonly label: string;
  readonly entries: readonly Entry[];
  /** Whether there are more. */
  readonly isPart: boolean;
  /** Told when the last of them is seen, and there are more. */
  readonly onEnd: () => void;
  readonly onPath: (path: string) => void;
}

/** What is in a folder, with sizes and times. */
export function EntryList({ label, entries, isPart, onEnd, onPath }: Properties) {
  if (entries.length === 0) return <p className={styles.none}>Nothing here has such a name.</p>;
  const columns: Column<Entry>[] = [
    { id: "name", header: "Name", cell: (entry) => <EntryName entry={entry} onPath={onPath} /> },
    {
      id: "size",
      header: "Size",
      isNumber: true,
      cell: ({ file }) => (file === undefined ? "" : bytes(file.sizeBytes)),
    },
    {
      id: "type",
      header: "Type",
      cell: ({ model, file }) => (model === undefined ? (file?.mediaType ?? "folder") : "logged model"),
    },
    {
      id: "written",
      header: "Written",
      cell: ({ file }) => file !== undefined && <Time at={millis(file.createTime)} />,
    },
  ];
  return (
    <VirtualTable
      label={label}
      columns={columns}
      widths="minmax(120px, 1fr) 80px minmax(80px, 180px) 110px"
      rows={entries}
      keyOf={(entry) => entry.path}
      {...(isPart ? { onEnd } : {})}
    />
  );
}

function EntryName({ entry, onPath }: { readonly entry: Entry; readonly onPath: (path: string) => void }) {
  const Icon = entry.model !== undefined ? Boxes : entry.isFolder ? Folder : File;
  return (
    <button type="button" className={styles.name} title={entry.name} onClick={() => onPath(entry.path)}>
      <Icon aria-hidden />
      <span>{shownName(entry.name)}</span>
    </button>
  );
}
