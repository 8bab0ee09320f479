import type { ModelSignature } from "~/api/gen/trivet/registry/v1/model_version_pb";
import styles from "~/features/models/parts/SignatureTables.module.css";
import { Section } from "~/shared/components/Section";
import { Snippet } from "~/shared/components/Snippet";
import { columnsOf } from "~/shared/models/schema";

/** What a model takes and gives. */
export function SignatureTables({ signature }: { readonly signature: ModelSignature | undefined }) {
  const parts = [
    ["Inputs", signature?.inputs ?? ""],
    ["Outputs", signature?.outputs ?? ""],
    ["Params of inference", signature?.params ?? ""],
  ] as const;
  const known = parts.filter(([, json]) => json !== "");
  return (
    <Section title="Signature">
      {known.length === 0 && (
        <p className={styles.soft}>
          Not known. A model that is logged with a signature has it in its MLmodel file, and so when it is registered.
        </p>
      )}
      <div className={styles.tables}>
        {known.map(([title, json]) => (
          <Part key={title} title={title} json={json} />
        ))}
      </div>
    </Section>
  );
}

function Part({ title, json }: { readonly title: string; readonly json: string }) {
  const columns = columnsOf(json);
  if (columns === null) return <Snippet label={title} code={json} />;
  return (
    <table className={styles.table}>
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Type</th>
          <th scope="col">{title === "Params of inference" ? "Default" : "Needed"}</th>
        </tr>
      </thead>
      <tbody>
        {columns.map((column, place) => (
          <tr key={column.name || place}>
            <td>{column.name || `#${place + 1}`}</td>
            <td>
              <code>{column.type}</code>
            </td>
            <td>{title === "Params of inference" ? column.defaultValue : column.isRequired ? "yes" : "no"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
