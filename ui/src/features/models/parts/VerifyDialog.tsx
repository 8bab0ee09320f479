import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX } from "lucide-react";
import { useState } from "react";

import { bytesOf, hexOf } from "~/api/digests";
import { failureOf } from "~/api/errors";
import type { VerifyModelResponse } from "~/api/gen/trivet/registry/v1/model_history_pb";
import styles from "~/features/models/parts/VerifyDialog.module.css";
import type { KnownEntry } from "~/features/models/queries";
import { verificationQuery } from "~/features/models/queries";
import { Button } from "~/shared/components/Button";
import { CopyButton } from "~/shared/components/CopyButton";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { StatusWord } from "~/shared/components/Status";

const DIGEST_BYTES = 32;

interface Properties {
  readonly workspace: string;
  readonly model: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Compares a model with its history, and with what somebody kept of it. */
export function VerifyDialog(properties: Properties) {
  return (
    <Dialog title={`Verify ${properties.model}`} isOpen={properties.isOpen} onClose={properties.onClose}>
      <Verification {...properties} />
    </Dialog>
  );
}

function Verification({ workspace, model, onClose }: Properties) {
  const [known, setKnown] = useState<KnownEntry | null>(null);
  const [kept, setKept] = useState("");
  const typed = knownEntryIn(kept);
  const found = useQuery(verificationQuery(workspace, model, known));
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (typed === known) void found.refetch();
        setKnown(typed);
      }}
    >
      {found.isFetching && <Skeleton rows={2} />}
      {found.isError && <Problem failure={failureOf(found.error)} />}
      {found.data !== undefined && !found.isFetching && <Result result={found.data} isAgainstKept={known !== null} />}
      <Field
        label="Against what you kept"
        hint="What an earlier result said to keep: a sequence and a digest"
        fault={kept.trim() === "" || typed !== null ? "" : "A sequence, a space, and the 64 digits of a digest"}
      >
        {(control) => <input {...control} value={kept} onChange={(event) => setKept(event.target.value)} />}
      </Field>
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
        <Button type="submit" kind="primary" disabled={found.isFetching || (kept.trim() !== "" && typed === null)}>
          Verify again
        </Button>
      </DialogActions>
    </form>
  );
}

function knownEntryIn(text: string): KnownEntry | null {
  const [, sequence = "", digits = ""] = /^\s*([1-9]\d*)\s+([0-9a-f]+)\s*$/i.exec(text) ?? [];
  const sha256 = bytesOf(digits);
  return sha256?.length === DIGEST_BYTES ? { sequence: BigInt(sequence), sha256 } : null;
}

function Result({ result, isAgainstKept }: { readonly result: VerifyModelResponse; readonly isAgainstKept: boolean }) {
  if (result.faults.length > 0) {
    return (
      <div role="alert">
        <StatusWord tone="bad" Icon={CircleX} word="Altered behind the registry's back" />
        <ul className={styles.faults}>
          {result.faults.map((fault) => (
            <li key={`${fault.kind} ${fault.sequence} ${fault.version} ${fault.field}`}>{fault.message}</li>
          ))}
        </ul>
      </div>
    );
  }
  const toKeep = `${result.sequence} ${hexOf(result.sha256)}`;
  return (
    <div role="status">
      <StatusWord tone="good" Icon={CircleCheck} word="Intact" />
      <p>
        All {String(result.sequence)} entries are there, follow one another, and lead to the model as it is now
        {isAgainstKept && "; what you kept is among them"}. Keep this elsewhere, to prove later that nothing before it
        was altered:
      </p>
      <p className={styles.kept}>
        <code>{toKeep}</code>
        <CopyButton text={toKeep} label="Copy what to keep" />
      </p>
    </div>
  );
}
