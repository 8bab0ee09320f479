import { Archive, CircleDashed, CircleDot, Lock, Rocket } from "lucide-react";

import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import styles from "~/features/models/parts/Stage.module.css";
import { ARCHIVED, isProtectedStage, NO_STAGE, promotedStages } from "~/features/models/stages";

interface Properties {
  readonly stage: string;
  readonly rules: PromotionRules | undefined;
}

/** The stage of a version; a lock where it is protected. */
export function Stage({ stage, rules }: Properties) {
  const { tone, Icon } = shownAs(stage, promotedStages(rules).at(-1));
  const isProtected = isProtectedStage(rules, stage);
  return (
    <span className={`${styles.stage} ${styles[tone]}`} title={isProtected ? "Protected" : undefined}>
      <Icon aria-hidden />
      {stage}
      {isProtected && <Lock role="img" aria-label="protected" />}
    </span>
  );
}

function shownAs(stage: string, last: string | undefined) {
  if (stage === NO_STAGE) return { tone: "none", Icon: CircleDashed } as const;
  if (stage === ARCHIVED) return { tone: "archived", Icon: Archive } as const;
  return stage === last ? ({ tone: "last", Icon: Rocket } as const) : ({ tone: "between", Icon: CircleDot } as const);
}
