import { tracking } from "~/api/clients";
import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import { runName } from "~/api/names";

/** So many runs are changed at once. */
const AT_ONCE = 4;

/** What became of a change of several runs. */
export interface Changed {
  readonly done: readonly string[];
  /** Why the first of the others was not changed; null where all were. */
  readonly failure: Failure | null;
}

/** Changes runs, by their ids, some at a time. Those that cannot be changed stop no other. */
async function changeEach(ids: readonly string[], change: (id: string) => Promise<unknown>): Promise<Changed> {
  const left = [...ids];
  const done: string[] = [];
  let failure: Failure | null = null;
  const work = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      try {
        await change(id);
        done.push(id);
      } catch (error) {
        failure ??= failureOf(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failure };
}

export const deleteRuns = (workspace: string, ids: readonly string[]): Promise<Changed> =>
  changeEach(ids, (id) => tracking.deleteRun({ name: runName(workspace, id) }));

export const restoreRuns = (workspace: string, ids: readonly string[]): Promise<Changed> =>
  changeEach(ids, (id) => tracking.restoreRun({ name: runName(workspace, id) }));

export const tagRuns = (workspace: string, ids: readonly string[], key: string, value: string): Promise<Changed> =>
  changeEach(ids, (id) => tracking.writeRun({ run: runName(workspace, id), tags: [{ key, value }], atomic: true }));

export const renameRun = (workspace: string, id: string, displayName: string) =>
  tracking.updateRun({
    run: { name: runName(workspace, id), displayName },
    updateMask: { paths: ["display_name"] },
    readMask: { paths: ["name"] },
  });
