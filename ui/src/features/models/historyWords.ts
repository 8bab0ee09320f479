import type { ModelHistoryEntry } from "~/api/gen/trivet/registry/v1/model_history_pb";
import { ModelAction } from "~/api/gen/trivet/registry/v1/model_history_pb";
import type { HistoryKind } from "~/features/models/search";

type Entry = Pick<ModelHistoryEntry, "action" | "version" | "changes">;

const KINDS: Readonly<Record<HistoryKind, ReadonlySet<ModelAction>>> = {
  stages: new Set([ModelAction.VERSION_MOVED]),
  aliases: new Set([ModelAction.ALIAS_SET, ModelAction.ALIAS_DELETED]),
  versions: new Set([
    ModelAction.VERSION_CREATED,
    ModelAction.VERSION_READY,
    ModelAction.VERSION_FAILED,
    ModelAction.VERSION_DELETED,
  ]),
  requests: new Set([
    ModelAction.PROMOTION_REQUESTED,
    ModelAction.PROMOTION_APPROVED,
    ModelAction.PROMOTION_REJECTED,
    ModelAction.PROMOTION_WITHDRAWN,
    ModelAction.PROMOTION_EXPIRED,
  ]),
  texts: new Set([
    ModelAction.MODEL_DESCRIBED,
    ModelAction.MODEL_TAGGED,
    ModelAction.MODEL_RENAMED,
    ModelAction.VERSION_DESCRIBED,
    ModelAction.VERSION_TAGGED,
  ]),
};

/** Whether an entry is of a kind. */
export const isOfKind = (entry: Pick<Entry, "action">, kind: HistoryKind | undefined): boolean =>
  kind === undefined || KINDS[kind].has(entry.action);

const WORDS: Readonly<Record<ModelAction, (entry: Entry) => string>> = {
  [ModelAction.UNSPECIFIED]: () => "Changed",
  [ModelAction.MODEL_CREATED]: () => "Model created",
  [ModelAction.MODEL_RENAMED]: () => "Model renamed",
  [ModelAction.MODEL_DESCRIBED]: () => "Model described",
  [ModelAction.MODEL_TAGGED]: () => "Model tagged",
  [ModelAction.MODEL_DELETED]: () => "Model deleted",
  [ModelAction.VERSION_CREATED]: ({ version }) => `Version ${version} registered`,
  [ModelAction.VERSION_READY]: ({ version }) => `Version ${version} ready`,
  [ModelAction.VERSION_FAILED]: ({ version }) => `Version ${version} failed`,
  [ModelAction.VERSION_DESCRIBED]: ({ version }) => `Version ${version} described`,
  [ModelAction.VERSION_TAGGED]: ({ version }) => `Version ${version} tagged`,
  [ModelAction.VERSION_MOVED]: ({ version, changes }) =>
    `Version ${version} moved to ${changes[0]?.after ?? "another stage"}`,
  [ModelAction.VERSION_DELETED]: ({ version }) => `Version ${version} deleted`,
  [ModelAction.ALIAS_SET]: (entry) => `Alias ${aliasOf(entry)} set to version ${entry.version}`,
  [ModelAction.ALIAS_DELETED]: (entry) => `Alias ${aliasOf(entry)} removed`,
  [ModelAction.PROMOTION_REQUESTED]: (entry) => `Promotion of version ${entry.version} asked for`,
  [ModelAction.PROMOTION_APPROVED]: (entry) => `Promotion of version ${entry.version} approved`,
  [ModelAction.PROMOTION_REJECTED]: (entry) => `Promotion of version ${entry.version} rejected`,
  [ModelAction.PROMOTION_WITHDRAWN]: (entry) => `Promotion of version ${entry.version} withdrawn`,
  [ModelAction.PROMOTION_EXPIRED]: (entry) => `Promotion of version ${entry.version} no longer waits`,
};

const aliasOf = ({ changes }: Entry): string => changes[0]?.field.replace(/^aliases\./, "") ?? "";

/** What was done, in a few words. */
export const whatWasDone = (entry: Entry): string => WORDS[entry.action](entry);
