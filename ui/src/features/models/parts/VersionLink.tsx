import { Link } from "@tanstack/react-router";

interface Properties {
  readonly workspace: string;
  readonly model: string;
  /** Nothing where there is none. */
  readonly version: number | bigint | undefined;
  /** Whether the model's name is part of what is shown. */
  readonly isNamed?: boolean;
}

/** A version by its number, which leads to its page. */
export function VersionLink({ workspace, model, version, isNamed = false }: Properties) {
  if (version === undefined) return <span>—</span>;
  return (
    <Link
      to="/w/$workspace/models/$model/versions/$version"
      params={{ workspace, model, version: String(version) }}
      aria-label={`${model} version ${version}`}
    >
      {isNamed ? `${model} v${version}` : `v${version}`}
    </Link>
  );
}
