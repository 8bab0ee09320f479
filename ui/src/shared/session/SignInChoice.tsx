import { LogIn } from "lucide-react";
import type { ReactNode } from "react";

import { signInUrl } from "~/api/session";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";

interface Properties {
  readonly issuers: readonly string[];
  /** Where one is afterwards. */
  readonly returnPath: string;
  readonly title?: string;
  readonly children?: ReactNode;
}

/** Where the browser is. */
export const pathNow = (): string => {
  const { pathname, search, hash } = globalThis.location;
  return `${pathname}${search}${hash}`;
};

/** With whom one can sign in. */
export function SignInChoice({ issuers, returnPath, title = "Sign in to see this", children }: Properties) {
  return (
    <Empty title={title}>
      {children}
      {issuers.map((issuer) => (
        <Button
          key={issuer}
          kind="primary"
          icon={<LogIn aria-hidden />}
          onClick={() => globalThis.location.assign(signInUrl(issuer, returnPath))}
        >
          Sign in with {issuer}
        </Button>
      ))}
    </Empty>
  );
}
