import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { LogOut, ScrollText, ShieldQuestion, UserRound } from "lucide-react";
import { useEffect, useState } from "react";

import { failureOf } from "~/api/errors";
import { endSession, readSession } from "~/api/session";
import { IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { notifyFailure } from "~/shared/components/toasts";
import { useLater } from "~/shared/hooks/useLater";
import { callerQuery } from "~/shared/session/caller";
import { tellSessionChange } from "~/shared/session/changes";
import { noteSignedIn } from "~/shared/session/useSignIn";
import { permissionsIn, workspacesQuery } from "~/shared/session/workspaces";

/** What a page reads first has the connections for itself. */
const AFTER_MS = 300;

/** Who one is, what one may do, and the way out. Not there where the server asks nobody who they are. */
export function CallerMenu({ workspace }: { readonly workspace: string }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const isLate = useLater(AFTER_MS);
  const { data: caller } = useQuery({ ...callerQuery, enabled: isLate });
  const isKnown = caller?.authenticated === true;
  const { data: session } = useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => readSession(signal),
    enabled: isKnown,
  });
  const [isWanted, setWanted] = useState(false);
  const workspaces = useQuery({ ...workspacesQuery, enabled: isWanted });
  const isAdmin = permissionsIn(workspaces.data, workspace).includes("ADMIN");
  useEffect(() => {
    if (isKnown) noteSignedIn();
  }, [isKnown]);
  if (!isKnown) return null;
  const signOut = async (): Promise<void> => {
    try {
      await endSession();
    } catch (error) {
      notifyFailure("You could not be signed out", failureOf(error));
      return;
    }
    client.clear();
    tellSessionChange("ended");
    globalThis.location.assign("/sign-in?problem=out");
  };
  return (
    <Menu
      trigger={<IconButton label={`You are ${caller.subject}`} icon={<UserRound />} />}
      onOpen={() => setWanted(true)}
      items={[
        {
          id: "access",
          label: "What you may do",
          icon: <ShieldQuestion />,
          onChoose: () => void navigate({ to: "/w/$workspace/access", params: { workspace } }),
        },
        ...(isAdmin
          ? [
              {
                id: "audit",
                label: "Audit",
                icon: <ScrollText />,
                onChoose: () => void navigate({ to: "/w/$workspace/audit", params: { workspace } }),
              },
            ]
          : []),
        ...(session?.signedIn === true
          ? [{ id: "out", label: "Sign out", icon: <LogOut />, onChoose: () => void signOut() }]
          : []),
      ]}
    />
  );
}
