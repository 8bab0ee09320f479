import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Check, ChevronDown } from "lucide-react";
import { useState } from "react";

import { idOf } from "~/api/names";
import { Button } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { workspacesQuery } from "~/shared/session/workspaces";

/** The workspace that one is in, and the others, which may be thousands and are read when somebody wants to see them. */
export function WorkspaceMenu({ workspace }: { readonly workspace: string }) {
  const navigate = useNavigate();
  const [isWanted, setWanted] = useState(false);
  const { data, isLoading } = useQuery({ ...workspacesQuery, enabled: isWanted });
  const others = data?.map((each) => idOf(each.name)) ?? [];
  const names = others.includes(workspace) ? others : [workspace, ...others];
  return (
    <Menu
      trigger={
        <Button kind="quiet" aria-label={`Workspace ${workspace}`}>
          {workspace} <ChevronDown aria-hidden />
        </Button>
      }
      onOpen={() => setWanted(true)}
      items={[
        ...names.map((name) => ({
          id: name,
          label: name,
          icon: name === workspace ? <Check /> : undefined,
          onChoose: () => void navigate({ to: "/w/$workspace/experiments", params: { workspace: name } }),
        })),
        ...(isLoading ? [{ id: "", label: "Loading…", isDisabled: true, onChoose: () => undefined }] : []),
      ]}
    />
  );
}
