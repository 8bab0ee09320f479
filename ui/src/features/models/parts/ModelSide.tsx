import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { millis } from "~/api/times";
import { Aliases } from "~/features/models/parts/Aliases";
import { useRegistryChanges } from "~/features/models/queries";
import { CopyButton } from "~/shared/components/CopyButton";
import { Description } from "~/shared/components/Description";
import { Facts, Section } from "~/shared/components/Section";
import { Tags } from "~/shared/components/Tags";
import { Time } from "~/shared/components/Time";

const SHOWN_UID = 8;

interface Properties {
  readonly workspace: string;
  readonly model: Model;
  readonly rules: PromotionRules | undefined;
}

/** What is said of a model. */
export function ModelSide({ workspace, model, rules }: Properties) {
  const changes = useRegistryChanges(workspace);
  return (
    <>
      <Section title="About">
        <Description text={model.description} onSave={(text) => changes.describeModel(model.name, text, model.etag)} />
      </Section>
      <Section title="Aliases">
        <Aliases workspace={workspace} model={model} rules={rules} version={null} />
      </Section>
      <Section title="Tags">
        <Tags tags={model.tags} onChange={(key, value) => changes.tagModel(model.name, key, value)} />
      </Section>
      <Section title="Facts">
        <Facts
          facts={[
            ["Created", <Time key="created" at={millis(model.createTime)} />],
            ["By", model.createdBy],
            ["Modified", <Time key="modified" at={millis(model.updateTime)} />],
            [
              "Uid",
              <>
                <code title={model.uid}>{model.uid.slice(0, SHOWN_UID)}…</code>
                <CopyButton text={model.uid} label="Copy the uid" />
              </>,
            ],
          ]}
        />
      </Section>
    </>
  );
}
