import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { hexOf } from "~/api/digests";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { ModelVersionState } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import { Aliases } from "~/features/models/parts/Aliases";
import { Stage } from "~/features/models/parts/Stage";
import { VersionState } from "~/features/models/parts/VersionState";
import { modelQuery, useRegistryChanges } from "~/features/models/queries";
import { CopyButton } from "~/shared/components/CopyButton";
import { Description } from "~/shared/components/Description";
import { Facts, Section } from "~/shared/components/Section";
import { Tags } from "~/shared/components/Tags";
import { Time } from "~/shared/components/Time";

const SHOWN_DIGITS = 12;

interface Properties {
  readonly workspace: string;
  readonly model: string;
  readonly version: ModelVersion;
  readonly rules: PromotionRules | undefined;
}

/** What is said of a version, and where it stands. */
export function VersionSide({ workspace, model, version, rules }: Properties) {
  const changes = useRegistryChanges(workspace);
  const whole = useQuery(modelQuery(workspace, model));
  const number = Number(idOf(version.name));
  const digest = hexOf(version.manifestSha256);
  return (
    <>
      <Section title="About">
        <Description
          text={version.description}
          onSave={(text) => changes.describeVersion(version.name, text, version.etag)}
        />
      </Section>
      <Section title="Aliases">
        {whole.data !== undefined && (
          <Aliases workspace={workspace} model={whole.data} rules={rules} version={number} />
        )}
      </Section>
      <Section title="Tags">
        <Tags tags={version.tags} onChange={(key, value) => changes.tagVersion(version.name, key, value)} />
      </Section>
      <Section title="Facts">
        <Facts
          facts={[
            ["Stage", <Stage key="stage" stage={version.stage} rules={rules} />],
            [
              "Files",
              <>
                <VersionState state={version.state} />
                {version.state === ModelVersionState.FAILED && version.stateMessage}
              </>,
            ],
            ["Registered", <Time key="registered" at={millis(version.createTime)} />],
            ["By", version.createdBy],
            ["Modified", <Time key="modified" at={millis(version.updateTime)} />],
            [
              "Digest",
              digest === "" ? (
                "not known: its files are outside of Trivet"
              ) : (
                <>
                  <code title={digest}>{digest.slice(0, SHOWN_DIGITS)}…</code>
                  <CopyButton text={digest} label="Copy the digest of the files" />
                </>
              ),
            ],
            [
              "History",
              <Link
                key="history"
                to="/w/$workspace/models/$model"
                params={{ workspace, model }}
                search={{ tab: "history", version: number }}
              >
                of this version
              </Link>,
            ],
          ]}
        />
      </Section>
    </>
  );
}
