import { useQuery } from "@tanstack/react-query";

import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import { capturedFiles } from "~/features/run/queries";
import { reproduceLines } from "~/features/run/reproduce";
import { Section } from "~/shared/components/Section";
import { Snippet } from "~/shared/components/Snippet";

/** The lines that run the same code again, as far as it was captured. */
export function Reproduce({ workspace, run }: { readonly workspace: string; readonly run: Run }) {
  const id = idOf(run.name);
  const { data: captured = [] } = useQuery(capturedFiles(workspace, id));
  const lines = reproduceLines(run, captured);
  if (lines === "") return null;
  return (
    <Section title="Run it again">
      <Snippet label="Lines that run it again" code={lines} />
    </Section>
  );
}
