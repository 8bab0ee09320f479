import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import { DIFF, isSource } from "~/shared/captured/captured";

/** Lines for a shell that run the same code again; empty where nothing was captured of it. */
export function reproduceLines(run: Pick<Run, "name" | "gitCommit" | "tags">, captured: readonly string[]): string {
  const id = idOf(run.name);
  const remote = run.tags["trivet.git.remote"] ?? "";
  const command = run.tags["trivet.command"] ?? "";
  const source = captured.find(isSource);
  const lines: string[] = [];
  if (run.gitCommit !== "") {
    if (remote !== "") lines.push(`git clone ${shellText(remote)} again && cd again`);
    lines.push(`git checkout ${shellText(run.gitCommit)}`);
    if (captured.includes(DIFF)) lines.push(`trivet artifacts cat ${id} ${DIFF} | git apply`);
  } else if (source !== undefined) {
    lines.push(`trivet artifacts get ${id} ${shellText(source)} --to .`);
  }
  if (command !== "") lines.push(command);
  return lines.join("\n");
}

/** A text as one word of a POSIX shell. */
const shellText = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
