import { Lock, Pencil, Plus, X } from "lucide-react";
import { useState } from "react";

import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { AliasDialog } from "~/features/models/parts/AliasDialog";
import styles from "~/features/models/parts/Aliases.module.css";
import { RemoveAliasDialog } from "~/features/models/parts/RemoveAliasDialog";
import { VersionLink } from "~/features/models/parts/VersionLink";
import { approvalsOfAlias, isProtectedAlias, protectedAlias } from "~/features/models/stages";
import { Button, IconButton } from "~/shared/components/Button";

interface Properties {
  readonly workspace: string;
  readonly model: Model;
  readonly rules: PromotionRules | undefined;
  /** The only version whose aliases are shown, and that new ones point at; null: those of all. */
  readonly version: number | null;
}

/** Aliases, to set, to move and to remove. */
export function Aliases({ workspace, model, rules, version }: Properties) {
  const [edited, setEdited] = useState<string | null>(null);
  const [removed, setRemoved] = useState<string | null>(null);
  const shown = Object.entries(model.aliases)
    .filter(([, target]) => version === null || target === BigInt(version))
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  return (
    <>
      <ul className={styles.aliases} aria-label="Aliases">
        {shown.map(([alias, target]) => (
          <li key={alias} className={styles.alias}>
            {version === null ? (
              <VersionLink workspace={workspace} model={idOf(model.name)} version={target} before={`@${alias}`} />
            ) : (
              `@${alias}`
            )}
            {isProtectedAlias(rules, alias) && (
              <span title={protectedAlias(alias, rules)}>
                <Lock role="img" aria-label={`The alias ${alias} is protected`} />
              </span>
            )}
            {(!isProtectedAlias(rules, alias) || approvalsOfAlias(rules, alias) > 0) && (
              <>
                <IconButton
                  label={`${isProtectedAlias(rules, alias) ? "Ask to move" : "Move"} the alias ${alias}`}
                  icon={<Pencil />}
                  className={styles.button ?? ""}
                  onClick={() => setEdited(alias)}
                />
                <IconButton
                  label={`${isProtectedAlias(rules, alias) ? "Ask to remove" : "Remove"} the alias ${alias}`}
                  icon={<X />}
                  className={styles.button ?? ""}
                  onClick={() => setRemoved(alias)}
                />
              </>
            )}
          </li>
        ))}
        <li>
          <Button kind="quiet" icon={<Plus />} onClick={() => setEdited("")}>
            Alias
          </Button>
        </li>
      </ul>
      <AliasDialog
        key={`set ${edited}`}
        workspace={workspace}
        model={model}
        rules={rules}
        alias={edited ?? ""}
        version={version}
        isOpen={edited !== null}
        onClose={() => setEdited(null)}
      />
      <RemoveAliasDialog
        key={`remove ${removed}`}
        workspace={workspace}
        model={model}
        rules={rules}
        alias={removed ?? ""}
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
      />
    </>
  );
}
