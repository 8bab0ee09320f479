import { Field } from "~/shared/components/Field";

const MAX_LENGTH = 2048;

interface Properties {
  readonly reason: string;
  readonly onReason: (reason: string) => void;
}

/** Asks why something is done. */
export function ReasonField({ reason, onReason }: Properties) {
  return (
    <Field label="Reason" hint="Kept for good in the history of the model">
      {(control) => (
        <textarea
          {...control}
          rows={2}
          maxLength={MAX_LENGTH}
          value={reason}
          onChange={(event) => onReason(event.target.value)}
        />
      )}
    </Field>
  );
}
