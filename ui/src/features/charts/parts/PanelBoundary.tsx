import { CatchBoundary } from "@tanstack/react-router";
import type { ErrorComponentProps } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { failureOf } from "~/api/errors";
import { Problem } from "~/shared/components/Problem";

interface Properties {
  readonly children: ReactNode;
  /** What is tried anew when it is another one. */
  readonly of: string;
}

/** Keeps a panel that cannot be drawn, such as one whose code a newer release has replaced, from taking the page away. */
export const PanelBoundary = ({ children, of }: Properties) => (
  <CatchBoundary getResetKey={() => of} errorComponent={BrokenPanel}>
    {children}
  </CatchBoundary>
);

function BrokenPanel({ error }: ErrorComponentProps) {
  return (
    <Problem
      failure={{
        ...failureOf(error),
        message: "This panel could not be shown.",
        nextStep: "Load the page again. If that does not help, tell whoever runs this server.",
      }}
      onRetry={() => globalThis.location.reload()}
    />
  );
}
