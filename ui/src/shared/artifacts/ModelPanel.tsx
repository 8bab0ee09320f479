import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { failureOf } from "~/api/errors";
import type { Place } from "~/api/files";
import { digestOf } from "~/api/files";
import styles from "~/shared/artifacts/ModelPanel.module.css";
import { uriOf } from "~/shared/artifacts/modelFolder";
import type { Entry } from "~/shared/artifacts/tree";
import { CopyButton } from "~/shared/components/CopyButton";
import { Problem } from "~/shared/components/Problem";
import { Facts, Section } from "~/shared/components/Section";
import { Skeleton } from "~/shared/components/Skeleton";
import { Snippet } from "~/shared/components/Snippet";
import { factsIn } from "~/shared/models/flavors";
import { loadingLines } from "~/shared/models/loading";
import { signatureIn } from "~/shared/models/mlmodel";
import type { SchemaColumn } from "~/shared/models/schema";
import { columnsOf } from "~/shared/models/schema";
import { Choice } from "~/viewers/Frame";
import { beginningOf, textIn } from "~/viewers/reading";

/** Files of this kind are some kilobytes. */
const MOST_BYTES = 2 ** 20;

interface Properties {
  readonly workspace: string;
  /** The folder of the model. */
  readonly place: Place;
  readonly mlmodel: Entry;
  readonly requirements: Entry | undefined;
}

/** What a model takes and gives, how it is loaded, and what it needs. */
export default function ModelPanel({ workspace, place, mlmodel, requirements }: Properties) {
  const read = useQuery(textQuery(mlmodel));
  if (read.isPending) return <Skeleton rows={4} />;
  if (read.isError) return <Problem failure={failureOf(read.error)} onRetry={() => void read.refetch()} />;
  return (
    <div className={styles.panel}>
      <Described workspace={workspace} place={place} mlmodel={textIn(read.data)} />
      {requirements !== undefined && <Requirements entry={requirements} />}
    </div>
  );
}

interface DescribedProperties {
  readonly workspace: string;
  readonly place: Place;
  readonly mlmodel: string;
}

function Described({ workspace, place, mlmodel }: DescribedProperties) {
  const facts = useMemo(() => factsIn(mlmodel), [mlmodel]);
  const signature = useMemo(() => signatureIn(mlmodel), [mlmodel]);
  const uri = uriOf(place);
  const inputs = columnsOf(signature?.inputs ?? "");
  const lines = loadingLines({
    uri,
    server: globalThis.location.origin,
    workspace,
    flavors: facts.flavors.map((each) => each.name),
    inputs: inputs ?? [],
  });
  const [chosen, setChosen] = useState("");
  const shown = lines.find((each) => each.id === chosen) ?? lines[0];
  const flavors = facts.flavors.map(({ name, version }) => (version === "" ? name : `${name} ${version}`));
  return (
    <>
      <Section title="Model">
        <Facts
          facts={[
            [
              "URI",
              <>
                <code>{uri}</code>
                <CopyButton text={uri} label="Copy the URI" />
              </>,
            ],
            ["Flavors", flavors.length === 0 ? "none" : flavors.join(", ")],
            ["Made by", madeBy(facts.mlflowVersion, facts.pythonVersion)],
            ["Made at", facts.madeAt === "" ? null : `${facts.madeAt.replace(/\.\d+$/, "")} UTC`],
          ]}
        />
      </Section>
      <Section title="Signature">
        {signature === null ? (
          <p className={styles.none}>
            This model was logged without a signature, so what it takes is not known. Give log_model a signature or an
            input_example.
          </p>
        ) : (
          <div className={styles.signature}>
            <Schema title="Takes" columns={inputs} />
            <Schema title="Gives" columns={columnsOf(signature.outputs)} />
            {signature.params !== "" && <Schema title="Parameters" columns={columnsOf(signature.params)} />}
          </div>
        )}
      </Section>
      <Section
        title="Use it"
        actions={
          <Choice
            label="How it is used"
            choices={lines.map((each) => [each.id, each.label] as const)}
            chosen={shown?.id ?? ""}
            onChoose={setChosen}
          />
        }
      >
        {shown !== undefined && <Snippet label={shown.label} code={shown.code} />}
      </Section>
    </>
  );
}

function madeBy(mlflowVersion: string, pythonVersion: string): string | null {
  const parts = [
    ...(mlflowVersion === "" ? [] : [`MLflow ${mlflowVersion}`]),
    ...(pythonVersion === "" ? [] : [`Python ${pythonVersion}`]),
  ];
  return parts.length === 0 ? null : parts.join(", ");
}

function Schema({ title, columns }: { readonly title: string; readonly columns: readonly SchemaColumn[] | null }) {
  if (columns === null) return <p className={styles.none}>{title}: in a form that is not known here.</p>;
  if (columns.length === 0) return null;
  return (
    <table className={styles.schema}>
      <caption>
        {title} <span>({columns.length})</span>
      </caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Type</th>
          <th scope="col">Required</th>
        </tr>
      </thead>
      <tbody>
        {columns.map(({ name, type, isRequired, defaultValue }, place) => (
          <tr key={name === "" ? `#${place}` : name}>
            <td>{name === "" ? `#${place}` : name}</td>
            <td className={styles.type}>{type}</td>
            <td className={styles.type}>
              {defaultValue !== "" ? `default ${defaultValue}` : isRequired ? "" : "optional"}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Requirements({ entry }: { readonly entry: Entry }) {
  const read = useQuery(textQuery(entry));
  if (!read.isSuccess) return null;
  return (
    <Section title="Requirements">
      <Snippet label="requirements.txt" code={textIn(read.data).trimEnd()} />
    </Section>
  );
}

function textQuery({ places: [place = { owner: "", path: "" }], name, file }: Entry) {
  const size = Number(file?.sizeBytes ?? 0);
  const digest = file === undefined ? "" : digestOf(file);
  return beginningOf({ place, name, size, digest, mediaType: file?.mediaType ?? "" }, MOST_BYTES);
}
