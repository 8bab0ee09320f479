import { getRouteApi, Link } from "@tanstack/react-router";

import { PromotionRequests } from "~/features/models/parts/PromotionRequests";
import { Crumbs } from "~/shared/components/Crumbs";
import { Toolbar } from "~/shared/components/Toolbar";

const route = getRouteApi("/w/$workspace/promotions");

/** What waits for approval in a workspace, of all models. */
export function PromotionsPage() {
  const { workspace } = route.useParams();
  const { all = false } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <Toolbar
        title={
          <Crumbs>
            <Link to="/w/$workspace/models" params={{ workspace }}>
              Models
            </Link>
            <span>Promotion requests</span>
          </Crumbs>
        }
      >
        <label>
          <input
            type="checkbox"
            checked={all}
            onChange={(event) => void navigate({ search: event.target.checked ? { all: true } : {} })}
          />{" "}
          Also those that have ended
        </label>
      </Toolbar>
      <PromotionRequests workspace={workspace} model="" showsEnded={all} />
    </>
  );
}
