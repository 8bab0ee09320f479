import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { lazy, Suspense, useEffect, useEffectEvent, useMemo, useState } from "react";

import { failureOf } from "~/api/errors";
import type { Place } from "~/api/files";
import type { LoggedModel } from "~/api/gen/trivet/tracking/v1/logged_model_pb";
import { EntryList } from "~/shared/artifacts/EntryList";
import styles from "~/shared/artifacts/FolderPane.module.css";
import type { ModelFolder } from "~/shared/artifacts/modelFolder";
import { uriOf } from "~/shared/artifacts/modelFolder";
import { PaneHeader } from "~/shared/artifacts/PaneHeader";
import { sizeOfFolder, useFolders } from "~/shared/artifacts/queries";
import type { ModelRoot } from "~/shared/artifacts/tree";
import { lastOf, withModels } from "~/shared/artifacts/tree";
import { Problem } from "~/shared/components/Problem";
import { SearchBox } from "~/shared/components/SearchBox";
import { Skeleton } from "~/shared/components/Skeleton";
import { bytes, count } from "~/shared/format/numbers";

const ModelPanel = lazy(() => import("~/shared/artifacts/ModelPanel"));

interface Properties {
  readonly workspace: string;
  readonly owner: string;
  readonly path: string;
  readonly places: readonly Place[];
  /** Folders of models that are in this one. */
  readonly models: readonly ModelRoot[];
  /** The logged model whose folder it is. */
  readonly model?: LoggedModel;
  readonly onPath: (path: string) => void;
  readonly actions?: (folder: ModelFolder) => ReactNode;
}

/** A folder: how much it has, what model it is, and what is in it, searched by name. */
export function FolderPane({ workspace, owner, path, places, models, model, onPath, actions }: Properties) {
  const listed = useMemo(() => [{ path, places }], [path, places]);
  const { folders, readOn } = useFolders(owner, listed);
  const size = useQuery(sizeOfFolder(owner, places));
  const [text, setText] = useState("");
  const folder = folders.get(path);
  const entries = useMemo(
    () => (path === "" ? withModels(owner, models, folder?.entries ?? []) : (folder?.entries ?? [])),
    [path, owner, models, folder],
  );
  const found = useMemo(() => {
    const wanted = text.toLowerCase();
    return wanted === "" ? entries : entries.filter((each) => each.name.toLowerCase().includes(wanted));
  }, [entries, text]);
  const hasMore = folder?.hasMore ?? false;
  const readAll = useEffectEvent(() => readOn(path));
  const isSearchingOn = text !== "" && hasMore;
  // A name may be on any page.
  const readAfter = isSearchingOn && folder?.isLoading === false ? entries.length : -1;
  useEffect(() => {
    if (readAfter >= 0) readAll();
  }, [readAfter]);
  if (folder === undefined) return null;
  const mlmodel = entries.find((each) => each.name === "MLmodel" && !each.isFolder);
  const place = mlmodel === undefined ? null : folderPlace(mlmodel.places[0]);
  const isFirst = folder.isLoading && folder.entries.length === 0;
  const shownCount = isFirst ? "" : `${count(entries.length)}${hasMore ? " and more" : ""}`;
  return (
    <div className={styles.pane}>
      <PaneHeader
        path={path}
        onPath={onPath}
        facts={[
          size.data === undefined
            ? "…"
            : `${count(size.data.files)} ${size.data.files === 1n ? "file" : "files"}, ${bytes(size.data.bytes)}`,
          ...(models.length === 0
            ? []
            : [`${count(models.length)} logged ${models.length === 1 ? "model" : "models"}`]),
          ...(model === undefined ? [] : ["logged model"]),
        ]}
        actions={place !== null && actions?.({ name: lastOf(path), place, uri: uriOf(place) })}
      />
      <div className={styles.content}>
        {mlmodel !== undefined && place !== null && (
          <Suspense fallback={<Skeleton />}>
            <ModelPanel
              workspace={workspace}
              place={place}
              mlmodel={mlmodel}
              requirements={entries.find((each) => each.name === "requirements.txt" && !each.isFolder)}
            />
          </Suspense>
        )}
        <div className={styles.search}>
          <SearchBox label="Search this folder by name" text={text} onText={setText} />
          <span role="status" className={styles.found}>
            {text === ""
              ? shownCount
              : `${count(found.length)} of ${shownCount}${isSearchingOn ? ", reading on…" : ""}`}
          </span>
        </div>
        {folder.failure !== null && <Problem failure={folder.failure} />}
        {size.isError && folder.failure === null && <Problem failure={failureOf(size.error)} />}
        {isFirst ? (
          <Skeleton />
        ) : (
          <EntryList
            label={path === "" ? "All files" : `Files in ${lastOf(path)}`}
            entries={found}
            isPart={text === "" && hasMore}
            onEnd={() => readOn(path)}
            onPath={onPath}
          />
        )}
      </div>
    </div>
  );
}

/** The folder that a file lies in. */
function folderPlace(file: Place | undefined): Place | null {
  if (file === undefined) return null;
  return { owner: file.owner, path: file.path.slice(0, Math.max(0, file.path.lastIndexOf("/"))) };
}
