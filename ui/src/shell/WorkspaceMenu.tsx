import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Check, ChevronDown } from "lucide-react";

import { system } from "~/api/clients";
import { idOf } from "~/api/names";
import { Button } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";

const PAGE_SIZE = 1000;

/** The workspace that one is in, and the others. */
export function WorkspaceMenu({ workspace }: { readonly workspace: string }) {
  const navigate = useNavigate();
  const { data } = useQuery({
    queryKey: ["workspaces"],
    queryFn: ({ signal }) => system.listWorkspaces({ pageSize: PAGE_SIZE }, { signal }),
  });
  const others = data?.workspaces.map((each) => idOf(each.name)) ?? [];
  const names = others.includes(workspace) ? others : [workspace, ...others];
  return (
    <Menu
      trigger={
        <Button kind="quiet" aria-label={`Workspace ${workspace}`}>
          {workspace} <ChevronDown aria-hidden />
        </Button>
      }
      items={names.map((name) => ({
        id: name,
        label: name,
        icon: name === workspace ? <Check /> : undefined,
        onChoose: () => void navigate({ to: "/w/$workspace/experiments", params: { workspace: name } }),
      }))}
    />
  );
}
