import { queryOptions, useQueries } from "@tanstack/react-query";
import { useState } from "react";

import { artifacts, tracking } from "~/api/clients";
import { failureOf } from "~/api/errors";
import type { Failure } from "~/api/errors";
import type { Place } from "~/api/files";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import type { LoggedModel } from "~/api/gen/trivet/tracking/v1/logged_model_pb";
import { idOf } from "~/api/names";
import { quoted } from "~/filter/quote";
import type { Entry } from "~/shared/artifacts/tree";
import { merged } from "~/shared/artifacts/tree";

const PAGE_SIZE = 1000;

/** What was read of the files of an owner: to be read again, all of it. */
export const filesKey = (owner: string): readonly string[] => ["artifacts", owner];

/** The logged models that a run made, the newest first; none for other owners. */
export const modelsOfRun = (workspace: string, owner: string) =>
  queryOptions({
    queryKey: [...filesKey(owner), "models"],
    queryFn: async ({ signal }): Promise<readonly LoggedModel[]> => {
      if (owner.split("/")[2] !== "runs") return [];
      const found: LoggedModel[] = [];
      let pageToken = "";
      do {
        const page = await tracking.searchLoggedModels(
          {
            parent: `workspaces/${workspace}`,
            filter: `source_run_id = ${quoted(idOf(owner))}`,
            orderBy: "creation_timestamp DESC",
            pageSize: PAGE_SIZE,
            pageToken,
            readMask: { paths: ["name", "display_name", "model_type", "status", "source_run", "create_time"] },
          },
          { signal },
        );
        found.push(...page.loggedModels);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return found;
    },
  });

/** What lies at the first of some places that has something. */
export const artifactAt = (owner: string, places: readonly Place[]) =>
  queryOptions({
    queryKey: [...filesKey(owner), "at", places],
    queryFn: async ({ signal }): Promise<Artifact> => {
      for (const [index, place] of places.entries()) {
        try {
          return await artifacts.getArtifact(place, { signal });
        } catch (error) {
          if (index === places.length - 1 || !failureOf(error).isMissing) throw error;
        }
      }
      throw new Error("a path has no place");
    },
  });

/** How many files a folder has in it and below, and how large they are together. */
export const sizeOfFolder = (owner: string, places: readonly Place[]) =>
  queryOptions({
    queryKey: [...filesKey(owner), "size", places],
    queryFn: async ({ signal }) => {
      const parts = await Promise.all(
        places.map((place) =>
          artifacts.getManifest(place, { signal }).catch((error: unknown) => {
            if (failureOf(error).isMissing) return { fileCount: 0n, totalBytes: 0n };
            throw error;
          }),
        ),
      );
      return {
        files: parts.reduce((sum, each) => sum + each.fileCount, 0n),
        bytes: parts.reduce((sum, each) => sum + each.totalBytes, 0n),
      };
    },
  });

/** A folder to list. */
export interface Listed {
  /** Its path in the tree. */
  readonly path: string;
  /** What it has lies there. */
  readonly places: readonly Place[];
}

/** What is known of a folder. */
export interface Folder {
  readonly entries: readonly Entry[];
  readonly isLoading: boolean;
  readonly failure: Failure | null;
  /** Whether there is more of it than was read. */
  readonly hasMore: boolean;
}

interface Page {
  /** Which of the places of the folder. */
  readonly place: number;
  readonly token: string;
}

const FIRST: readonly Page[] = [{ place: 0, token: "" }];

/** Folders, page by page: the first page of each, and a further one each time that `readOn` asks for it. */
export function useFolders(owner: string, listed: readonly Listed[]) {
  const [asked, setAsked] = useState<ReadonlyMap<string, readonly Page[]>>(new Map());
  const wanted = listed.flatMap((folder) =>
    (asked.get(folder.path) ?? FIRST).map((page) => ({ folder, page, place: folder.places[page.place] })),
  );
  const answers = useQueries({
    queries: wanted.map(({ place, page }) => ({
      queryKey: [...filesKey(owner), "folder", place, page.token],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        artifacts.listArtifacts({ ...place, pageSize: PAGE_SIZE, pageToken: page.token }, { signal }),
    })),
  });
  const folders = new Map<string, Folder>();
  const following = new Map<string, Page>();
  for (const folder of listed) {
    const here = wanted.flatMap((each, index) => {
      const answer = answers[index];
      return each.folder === folder && answer !== undefined ? [{ page: each.page, answer }] : [];
    });
    const last = here.at(-1);
    const next = last === undefined ? null : nextOf(folder, last.page, last.answer.data?.nextPageToken);
    if (next !== null) following.set(folder.path, next);
    const failed = here.find(({ answer }) => answer.isError);
    const found = here.flatMap(({ answer }) => answer.data?.artifacts ?? []);
    folders.set(folder.path, {
      // A file that is listed gives itself: it is no folder.
      entries: merged(
        folder.path,
        found.filter((each) => !folder.places.some((one) => one.owner === each.owner && one.path === each.path)),
      ),
      isLoading: here.some(({ answer }) => answer.isPending),
      failure: failed === undefined ? null : failureOf(failed.answer.error),
      hasMore: next !== null,
    });
  }
  const readOn = (path: string): void => {
    const next = following.get(path);
    if (next !== undefined) setAsked((now) => new Map(now).set(path, [...(now.get(path) ?? FIRST), next]));
  };
  return { folders, readOn };
}

/** The page after one; null after the last, and while it is not known. */
function nextOf(folder: Listed, page: Page, token: string | undefined): Page | null {
  if (token === undefined) return null;
  if (token !== "") return { place: page.place, token };
  return page.place + 1 < folder.places.length ? { place: page.place + 1, token: "" } : null;
}
