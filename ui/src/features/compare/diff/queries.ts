import { queryOptions } from "@tanstack/react-query";

import { artifacts, tracking } from "~/api/clients";
import { digestOf, readBytes } from "~/api/files";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import { runName } from "~/api/names";
import { isCut } from "~/features/compare/diff/changes";

const PAGE_SIZE = 1000;

/** The files of a run itself in a folder and those below it; as many as are compared. */
export const filesOf = (workspace: string, run: string, path: string) =>
  queryOptions({
    queryKey: ["compared files", workspace, run, path],
    queryFn: async ({ signal }): Promise<readonly Artifact[]> => {
      const found: Artifact[] = [];
      let pageToken = "";
      do {
        const page = await artifacts.listArtifacts(
          { owner: runName(workspace, run), path, recursive: true, pageSize: PAGE_SIZE, pageToken },
          { signal },
        );
        found.push(...page.artifacts);
        pageToken = page.nextPageToken;
      } while (pageToken !== "" && !isCut(found));
      return found;
    },
  });

/** The text of a file of a run. */
export const textOf = (file: Artifact) =>
  queryOptions({
    queryKey: ["compared text", file.owner, file.path, digestOf(file)],
    queryFn: async ({ signal }) => new TextDecoder().decode(await readBytes(file, {}, signal)),
  });

/** What a run says of its code. */
export const codeOf = (workspace: string, run: string) =>
  queryOptions({
    queryKey: ["compared code", workspace, run],
    queryFn: ({ signal }) =>
      tracking.getRun(
        { name: runName(workspace, run), readMask: { paths: ["name", "source", "git_commit", "tags"] } },
        { signal },
      ),
  });
