import { Link } from "@tanstack/react-router";

import { Empty } from "~/shared/components/Empty";

/** A URL that there is no page for. */
export function NotFound() {
  return (
    <Empty title="There is no such page">
      <Link to="/">Experiments</Link>
    </Empty>
  );
}
