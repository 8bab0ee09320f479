import { useEffect } from "react";

import { Empty } from "~/shared/components/Empty";
import { tellSessionChange } from "~/shared/session/changes";

/** Where one is after signing in beside another page, which goes on where it was. */
export function SignedInPage() {
  useEffect(() => {
    tellSessionChange("begun");
    // Browsers close only windows that a page has opened, and not all of them.
    window.close();
  }, []);
  return (
    <main>
      <Empty title="You are signed in">
        <p>Go on in the window where you were. This one can be closed.</p>
      </Empty>
    </main>
  );
}
