import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { lazy, Suspense } from "react";

import { failureOf } from "~/api/errors";
import { DIFF, ENVIRONMENT, environmentIn } from "~/shared/captured/captured";
import styles from "~/features/run/parts/CapturedDialog.module.css";
import { textOf } from "~/features/run/queries";
import { Button } from "~/shared/components/Button";
import { CopyButton } from "~/shared/components/CopyButton";
import { Dialog } from "~/shared/components/Dialog";
import { Problem } from "~/shared/components/Problem";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { Facts } from "~/shared/components/Section";
import { Skeleton } from "~/shared/components/Skeleton";
import { save } from "~/shared/save";
import type { Column } from "~/shared/table/Table";
import { VirtualTable } from "~/shared/table/VirtualTable";

const Patch = lazy(() => import("~/shared/captured/Patch"));
const MOST_ROWS = 16;

interface Properties {
  readonly workspace: string;
  readonly run: string;
  /** What is shown of the files that were captured; null for nothing. */
  readonly path: string | null;
  readonly onClose: () => void;
}

/** A file that was captured when the run began. */
export function CapturedDialog({ workspace, run, path, onClose }: Properties) {
  const title =
    path === DIFF
      ? "Changes since the commit"
      : path === ENVIRONMENT
        ? "Python and packages"
        : (path?.slice(path.lastIndexOf("/") + 1) ?? "");
  return (
    <Dialog title={title} isOpen={path !== null} onClose={onClose} width="wide">
      {path !== null && <Captured workspace={workspace} run={run} path={path} />}
    </Dialog>
  );
}

function Captured({
  workspace,
  run,
  path,
}: {
  readonly workspace: string;
  readonly run: string;
  readonly path: string;
}) {
  const { data: text, isError, error, refetch } = useQuery(textOf(workspace, run, path));
  if (text === undefined) {
    return isError ? <Problem failure={failureOf(error)} onRetry={() => void refetch()} /> : <Skeleton />;
  }
  return (
    <>
      <div className={styles.bar}>
        <CopyButton text={text} label="Copy all of it" />
        <Button icon={<Download />} onClick={() => save(new Blob([text]), path.slice(path.lastIndexOf("/") + 1))}>
          Download
        </Button>
      </div>
      <Shown path={path} text={text} />
    </>
  );
}

function Shown({ path, text }: { readonly path: string; readonly text: string }) {
  if (path === DIFF) {
    return (
      <Suspense fallback={<Skeleton />}>
        <Patch text={text} label="Changes since the commit" />
      </Suspense>
    );
  }
  const environment = path === ENVIRONMENT ? environmentIn(text) : null;
  if (environment === null) {
    return (
      <ScrollRegion label="Source" className={styles.text}>
        <pre>{text}</pre>
      </ScrollRegion>
    );
  }
  return (
    <div className={styles.environment}>
      <Facts facts={environment.facts} />
      {environment.variables.length > 0 && <Pairs label="Variables" pairs={environment.variables} />}
      <Pairs label="Packages" pairs={environment.packages} />
    </div>
  );
}

type Pair = readonly [string, string];

function Pairs({ label, pairs }: { readonly label: string; readonly pairs: readonly Pair[] }) {
  const columns: readonly Column<Pair>[] = [
    { id: "name", header: label, cell: ([name]) => name },
    { id: "value", header: "", cell: ([, value]) => <span title={value}>{value}</span> },
  ];
  return (
    <VirtualTable
      label={label}
      columns={columns}
      widths="minmax(0, 1fr) minmax(0, 1fr)"
      rows={pairs}
      keyOf={([name]) => name}
      mostRows={MOST_ROWS}
    />
  );
}
