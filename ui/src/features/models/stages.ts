import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";

/** Where versions begin, and where they end, in every workspace. */
export const NO_STAGE = "None";
export const ARCHIVED = "Archived";

export const DEFAULT_STAGES: readonly string[] = [NO_STAGE, "Staging", "Production", ARCHIVED];

type Rules = Pick<
  PromotionRules,
  "stages" | "protectedStages" | "protectedAliases" | "stageApprovals" | "aliasApprovals"
>;

export const stagesOf = (rules: Rules | undefined): readonly string[] => rules?.stages ?? DEFAULT_STAGES;

/** The stages that a version is promoted to, from the first to the last. */
export const promotedStages = (rules: Rules | undefined): readonly string[] =>
  stagesOf(rules).filter((stage) => stage !== NO_STAGE && stage !== ARCHIVED);

export const isProtectedStage = (rules: Rules | undefined, stage: string): boolean =>
  rules?.protectedStages.includes(stage) ?? false;

export const isProtectedAlias = (rules: Rules | undefined, alias: string): boolean =>
  rules?.protectedAliases.includes(alias) ?? false;

/** How many others have to approve a move into or out of a protected stage; 0: it is frozen. */
export const approvalsOfStage = (rules: Rules | undefined, stage: string): number => rules?.stageApprovals[stage] ?? 0;

/** The same for another version of a protected alias. */
export const approvalsOfAlias = (rules: Rules | undefined, alias: string): number => rules?.aliasApprovals[alias] ?? 0;

/** Whether a move into a stage may archive the versions that are there. */
export const canArchiveOthers = (stage: string): boolean => stage !== NO_STAGE && stage !== ARCHIVED;

/** Why a text can be no alias; empty where it can. */
export function aliasFault(alias: string, rules: Rules | undefined): string {
  if (/^(?:latest|v\d+)$/i.test(alias)) return `“${alias}” means a version by itself; take another word`;
  if (!/^[\w-]{0,255}$/.test(alias)) return "Up to 255 letters, digits, _ and -";
  if (isProtectedAlias(rules, alias) && approvalsOfAlias(rules, alias) === 0) return protectedAlias(alias, rules);
  return "";
}

export const protectedAlias = (alias: string, rules: Rules | undefined): string =>
  `The alias ${alias} is protected: it can neither be set nor removed. ${wayIn(approvalsOfAlias(rules, alias))}`;

export const protectedStage = (stage: string, rules: Rules | undefined): string =>
  `The stage ${stage} is protected: no version may enter or leave it, nor be deleted in it. ` +
  wayIn(approvalsOfStage(rules, stage));

const wayIn = (approvals: number): string =>
  approvals === 0
    ? "Ask somebody with the permission ADMIN in this workspace to lift that."
    : `Ask for the move instead: ${othersApprove(approvals)}.`;

/** Who has to approve, as a sentence without its end. */
export const othersApprove = (approvals: number): string =>
  approvals === 1 ? "somebody else has to approve it" : `${approvals} others have to approve it`;
