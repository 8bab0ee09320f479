import { artifacts, registry, tracking } from "~/api/clients";
import { failureOf } from "~/api/errors";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { modelName, workspaceName } from "~/api/names";
import type { Signature } from "~/shared/models/mlmodel";
import { signatureIn } from "~/shared/models/mlmodel";

/** Files to register. */
export interface RegisterSource {
  /** The run or the logged model that has them: its resource name. */
  readonly owner: string;
  /** Their folder; empty: all that it has. */
  readonly path: string;
}

/** What somebody says of a new version. */
export interface NewVersion {
  /** The name of the model, which is created where there is none. */
  readonly model: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The same for each try to register the same. */
  readonly requestId: string;
}

// As the contract has it: model_version.proto, ModelSource.
const MAX_DATASETS = 100;
const MAX_COMMIT = 250;
const CONTEXT_TAG = "mlflow.data.context";
/** An MLmodel file is a few KiB; of a longer one the beginning is read. */
const MAX_MLMODEL_BYTES = 1 << 20;

/** Registers files as the next version of a model, with what is known of their making, as the Python client does. */
export async function register(
  workspace: string,
  source: RegisterSource,
  { model, description, tags, requestId }: NewVersion,
): Promise<ModelVersion> {
  const isOfRun = source.owner.split("/")[2] === "runs";
  const [origin, signature] = await Promise.all([
    isOfRun ? originOfRun(source.owner) : originOfLoggedModel(source.owner),
    signatureOf(source),
  ]);
  const request = {
    parent: modelName(workspace, model),
    modelVersion: {
      source: { source: { case: "artifacts", value: source }, ...origin },
      description,
      tags,
      ...(signature === null ? {} : { signature }),
    },
    requestId,
  } as const;
  try {
    return await registry.createModelVersion(request);
  } catch (error) {
    if (failureOf(error).reason !== "MODEL_NOT_FOUND") throw error;
  }
  await createModel(workspace, model);
  return await registry.createModelVersion(request);
}

async function createModel(workspace: string, modelId: string): Promise<void> {
  try {
    await registry.createModel({ parent: workspaceName(workspace), modelId, requestId: crypto.randomUUID() });
  } catch (error) {
    // Somebody who does the same was faster.
    if (failureOf(error).reason !== "MODEL_NAME_TAKEN") throw error;
  }
}

async function originOfRun(name: string) {
  try {
    const run = await tracking.getRun({ name, readMask: { paths: ["git_commit", "inputs"] } });
    return {
      run: name,
      commit: run.gitCommit.slice(0, MAX_COMMIT),
      datasets: (run.inputs?.datasets ?? []).slice(0, MAX_DATASETS).map((each) => ({
        name: each.dataset?.name ?? "",
        digest: each.dataset?.digest ?? "",
        context: each.tags[CONTEXT_TAG] ?? "",
      })),
    };
  } catch (error) {
    if (failureOf(error).isMissing) return { run: name };
    throw error;
  }
}

async function originOfLoggedModel(name: string) {
  const { sourceRun } = await tracking.getLoggedModel({ name });
  const origin = sourceRun === "" ? {} : await originOfRun(sourceRun);
  return { ...origin, loggedModel: name };
}

/** What the MLmodel file says; null without such a file. */
async function signatureOf({ owner, path }: RegisterSource): Promise<Signature | null> {
  const file = path === "" ? "MLmodel" : `${path}/MLmodel`;
  try {
    const decoder = new TextDecoder();
    let text = "";
    const answers = artifacts.downloadArtifact({ owner, path: file, limitBytes: BigInt(MAX_MLMODEL_BYTES) });
    for await (const { message } of answers) {
      if (message.case === "data") text += decoder.decode(message.value, { stream: true });
    }
    return signatureIn(text + decoder.decode());
  } catch (error) {
    const { isMissing, reason } = failureOf(error);
    if (isMissing || reason === "ARTIFACT_IS_REFERENCE") return null;
    throw error;
  }
}
