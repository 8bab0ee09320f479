import { Download, X } from "lucide-react";
import { useRef, useState } from "react";

import { failureOf, isCancelled } from "~/api/errors";
import type { RunColumn } from "~/features/runs/columns";
import { csvOf } from "~/features/runs/csv";
import type { RunsSearch } from "~/features/runs/search";
import { Button, IconButton } from "~/shared/components/Button";
import { notifyFailure } from "~/shared/components/toasts";
import { count } from "~/shared/format/numbers";
import type { Scope } from "~/shared/runs/queries";
import { save } from "~/shared/save";

interface Properties {
  readonly scope: Scope;
  readonly search: RunsSearch;
  readonly columns: readonly RunColumn[];
  /** What the file is called, without its ending. */
  readonly fileName: string;
}

/** Downloads the columns that are shown of all runs that pass. */
export function CsvButton({ scope, search, columns, fileName }: Properties) {
  const [rows, setRows] = useState<number | null>(null);
  const work = useRef<AbortController>(null);
  const download = async (): Promise<void> => {
    const controller = new AbortController();
    work.current = controller;
    setRows(0);
    try {
      save(await csvOf(scope, search, columns, setRows, controller.signal), `${fileName}.csv`);
    } catch (error) {
      if (!isCancelled(error)) notifyFailure("The runs were not downloaded", failureOf(error));
    } finally {
      setRows(null);
    }
  };
  if (rows === null) {
    return <IconButton label="Download as CSV" icon={<Download />} onClick={() => void download()} />;
  }
  return (
    <Button
      icon={<X />}
      aria-label={`Cancel the download after ${count(rows)} runs`}
      onClick={() => work.current?.abort()}
    >
      {count(rows)} runs
    </Button>
  );
}
