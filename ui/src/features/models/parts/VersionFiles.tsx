import styles from "~/features/models/parts/VersionFiles.module.css";
import { ArtifactBrowser } from "~/shared/artifacts/ArtifactBrowser";
import { Section } from "~/shared/components/Section";

interface Properties {
  readonly workspace: string;
  /** Who has the files, as the version says. */
  readonly owner: string;
  readonly path: string;
  readonly onPath: (path: string) => void;
}

/** The files of a version. */
export default function VersionFiles({ workspace, owner, path, onPath }: Properties) {
  return (
    <Section title="Files">
      <div className={styles.files}>
        <ArtifactBrowser workspace={workspace} owner={owner} path={path} onPath={onPath} />
      </div>
    </Section>
  );
}
