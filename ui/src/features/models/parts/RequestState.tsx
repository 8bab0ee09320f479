import { CircleCheck, CircleX, Clock, Undo2 } from "lucide-react";

import { PromotionRequestState } from "~/api/gen/trivet/registry/v1/promotion_request_pb";
import { StatusWord } from "~/shared/components/Status";

const SHOWN = {
  [PromotionRequestState.UNSPECIFIED]: { word: "unknown", tone: "soft", Icon: Clock },
  [PromotionRequestState.PENDING]: { word: "waits", tone: "busy", Icon: Clock },
  [PromotionRequestState.APPROVED]: { word: "approved", tone: "good", Icon: CircleCheck },
  [PromotionRequestState.REJECTED]: { word: "rejected", tone: "bad", Icon: CircleX },
  [PromotionRequestState.WITHDRAWN]: { word: "withdrawn", tone: "soft", Icon: Undo2 },
  [PromotionRequestState.EXPIRED]: { word: "expired", tone: "soft", Icon: Clock },
} as const;

/** Where a promotion request stands. */
export function RequestState({ state }: { readonly state: PromotionRequestState }) {
  return <StatusWord {...SHOWN[state]} />;
}
