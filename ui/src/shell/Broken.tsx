import type { ErrorComponentProps } from "@tanstack/react-router";

import { failureOf } from "~/api/errors";
import { Problem } from "~/shared/components/Problem";

/** A page that could not be shown, such as one whose code a newer release has replaced: it is loaded anew. */
export function Broken({ error }: ErrorComponentProps) {
  return (
    <Problem
      failure={{
        ...failureOf(error),
        message: "This page could not be shown.",
        nextStep: "Load it again. If that does not help, tell whoever runs this server.",
      }}
      onRetry={() => globalThis.location.reload()}
    />
  );
}
