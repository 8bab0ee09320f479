import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import type { ReactNode } from "react";
import { useMemo, useState } from "react";

import { failureOf } from "~/api/errors";
import { ArtifactKind } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import styles from "~/shared/artifacts/ArtifactBrowser.module.css";
import { FilePane } from "~/shared/artifacts/FilePane";
import { FolderPane } from "~/shared/artifacts/FolderPane";
import { Tree } from "~/shared/artifacts/Tree";
import type { ModelFolder } from "~/shared/artifacts/modelFolder";
import { artifactAt, filesKey, modelsOfRun, useFolders } from "~/shared/artifacts/queries";
import { foldersAbove, modelRoots, placesOf, withModels } from "~/shared/artifacts/tree";
import { IconButton } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { SplitPane } from "~/shared/components/SplitPane";

const TREE_PIXELS = 280;
const LOG_ONE = `trivet.log_artifact("report.html")`;

interface Properties {
  readonly workspace: string;
  /** Who has the files: the name of a run, a logged model or a version. */
  readonly owner: string;
  /** What is shown, as the URL has it; empty for the top. */
  readonly path: string;
  /** Puts another path into the URL. */
  readonly onPath: (path: string) => void;
  /** What can be done with the folder of a model, such as a button that registers it. */
  readonly actions?: (folder: ModelFolder) => ReactNode;
}

/** The files of a run, a logged model or a version: a tree of them, and what is in the one that is chosen. */
export function ArtifactBrowser(properties: Properties) {
  const { workspace, owner } = properties;
  const found = useQuery(modelsOfRun(workspace, owner));
  const models = useMemo(() => modelRoots(found.data ?? []), [found.data]);
  if (found.isPending) return <Skeleton />;
  return (
    <>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      <Browser key={owner} {...properties} models={models} />
    </>
  );
}

interface BrowserProperties extends Properties {
  readonly models: ReturnType<typeof modelRoots>;
}

function Browser({ workspace, owner, path, onPath, actions, models }: BrowserProperties) {
  const client = useQueryClient();
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set([...foldersAbove(path), path]));
  const [shown, setShown] = useState(path);
  if (path !== shown) {
    // Wherever a path comes from, the tree opens up to it.
    setShown(path);
    setOpen((now) => new Set([...now, ...foldersAbove(path)]));
  }
  const listed = useMemo(
    () =>
      [...new Set(["", ...open])]
        .filter((folder) => foldersAbove(folder).every((each) => open.has(each)))
        .map((folder) => ({ path: folder, places: placesOf(owner, models, folder) })),
    [open, owner, models],
  );
  const { folders, readOn } = useFolders(owner, listed);
  const top = folders.get("");
  const entries = useMemo(() => withModels(owner, models, top?.entries ?? []), [owner, models, top]);
  if (top !== undefined && !top.isLoading && top.failure === null && entries.length === 0 && path === "") {
    return owner.split("/")[2] === "runs" ? (
      <Empty title="This run has no files yet" paste={LOG_ONE} />
    ) : (
      <Empty title="No files" />
    );
  }
  const tree = (
    <>
      <div className={styles.head}>
        <button type="button" className={styles.all} aria-current={path === ""} onClick={() => onPath("")}>
          All files
        </button>
        <IconButton
          label="Read the files again"
          icon={<RefreshCw />}
          onClick={() => void client.invalidateQueries({ queryKey: filesKey(owner) })}
        />
      </div>
      {top?.failure !== null && top?.failure !== undefined && (
        <Problem failure={top.failure} onRetry={() => void client.invalidateQueries({ queryKey: filesKey(owner) })} />
      )}
      <Tree top={entries} folders={folders} open={open} onOpen={setOpen} path={path} onPath={onPath} readOn={readOn} />
    </>
  );
  return (
    <div className={styles.browser}>
      <SplitPane
        name="artifacts"
        label="Width of the tree"
        width={TREE_PIXELS}
        first={tree}
        second={
          <Chosen
            key={path}
            workspace={workspace}
            owner={owner}
            path={path}
            onPath={onPath}
            models={models}
            {...(actions === undefined ? {} : { actions })}
          />
        }
      />
    </div>
  );
}

/** What is at the chosen path: a file or a folder. */
function Chosen({ workspace, owner, path, onPath, models, actions }: BrowserProperties) {
  const places = useMemo(() => placesOf(owner, models, path), [owner, models, path]);
  const isRoot = path === "" || models.some((each) => each.name === path);
  const at = useQuery({ ...artifactAt(owner, places), enabled: !isRoot });
  if (!isRoot && at.isPending) return <Skeleton />;
  if (!isRoot && at.isError) return <Problem failure={failureOf(at.error)} onRetry={() => void at.refetch()} />;
  if (at.data?.kind === ArtifactKind.FILE) return <FilePane file={at.data} path={path} onPath={onPath} />;
  const model = models.find((each) => each.name === path)?.model;
  return (
    <FolderPane
      workspace={workspace}
      owner={owner}
      path={path}
      places={places}
      models={path === "" ? models : []}
      onPath={onPath}
      {...(model === undefined ? {} : { model })}
      {...(actions === undefined ? {} : { actions })}
    />
  );
}
