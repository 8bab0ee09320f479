import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { ModelVersionState } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { idOf, modelIn } from "~/api/names";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";
import { Problem } from "~/shared/components/Problem";
import { ModelNameField } from "~/shared/models/ModelNameField";
import { nameFault } from "~/shared/models/modelNames";
import styles from "~/shared/models/RegisterDialog.module.css";
import type { RegisterSource } from "~/shared/models/registering";
import { register } from "~/shared/models/registering";
import type { TagRow } from "~/shared/models/TagRows";
import { TagRows, tagsIn } from "~/shared/models/TagRows";

interface Properties {
  readonly workspace: string;
  readonly source: RegisterSource;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onRegistered?: (version: ModelVersion) => void;
}

/** Registers files of a run or of a logged model as a version of a model, of one that is there or of a new one. */
export function RegisterDialog(properties: Properties) {
  return (
    <Dialog title="Register a model" isOpen={properties.isOpen} onClose={properties.onClose}>
      <RegisterForm {...properties} />
    </Dialog>
  );
}

function RegisterForm({ workspace, source, onClose, onRegistered }: Properties) {
  const client = useQueryClient();
  const [model, setModel] = useState("");
  const [description, setDescription] = useState("");
  const [tags, setTags] = useState<readonly TagRow[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [version, setVersion] = useState<ModelVersion | null>(null);
  if (version !== null) return <Registered workspace={workspace} version={version} onClose={onClose} />;
  const save = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      const requestId = crypto.randomUUID();
      const created = await register(workspace, source, { model, description, tags: tagsIn(tags), requestId });
      void client.invalidateQueries({ queryKey: ["models", workspace] });
      setVersion(created);
      onRegistered?.(created);
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  const isBlocked = model === "" || nameFault(model) !== "";
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBlocked && !isBusy) void save();
      }}
    >
      <p className={styles.source}>
        The files of <code>{sourceText(source)}</code>
      </p>
      <ModelNameField workspace={workspace} label="Model" name={model} onName={setModel} />
      <Field label="Description of the version" hint="Markdown">
        {(control) => (
          <textarea
            {...control}
            rows={3}
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
      <TagRows rows={tags} onRows={setTags} />
      {failure !== null && <Problem failure={failure} />}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" disabled={isBlocked || isBusy}>
          {isBusy ? "Registering…" : "Register"}
        </Button>
      </DialogActions>
    </form>
  );
}

function sourceText({ owner, path }: RegisterSource): string {
  const kind = owner.split("/")[2] === "runs" ? "run" : "logged model";
  return `${kind} ${idOf(owner)}${path === "" ? "" : `/${path}`}`;
}

interface RegisteredProperties {
  readonly workspace: string;
  readonly version: ModelVersion;
  readonly onClose: () => void;
}

function Registered({ workspace, version, onClose }: RegisteredProperties) {
  const params = { workspace, model: modelIn(version.name), version: idOf(version.name) };
  return (
    <div className={styles.done} role="status">
      <p>
        Registered as{" "}
        <Link to="/w/$workspace/models/$model/versions/$version" params={params} onClick={onClose}>
          version {params.version} of {params.model}
        </Link>
        .
      </p>
      {version.state === ModelVersionState.PENDING && (
        <p>Its files are still being linked; its page says when they are.</p>
      )}
      <DialogActions>
        <Button kind="primary" autoFocus onClick={onClose}>
          Close
        </Button>
      </DialogActions>
    </div>
  );
}
