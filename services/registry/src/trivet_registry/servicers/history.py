"""To see what happened to models, and that nothing else did."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import parse_model
from trivet_kit.timestamps import to_millis
from trivet_proto.registry.v1 import model_history_pb2 as pb
from trivet_registry import convert_history
from trivet_registry.domain.history import Histories
from trivet_registry.domain.promotion import Promotions
from trivet_registry.domain.replay import Replay
from trivet_registry.domain.verification import Verifier


@dataclass(frozen=True)
class HistoryServicer:
    """Implements its part of `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    histories: Histories
    verifier: Verifier
    promotions: Promotions

    def ListModelHistory(self, request: pb.ListModelHistoryRequest, call: Call) -> pb.ListModelHistoryResponse:
        name = parse_model(request.name, "name")
        bound_to = fingerprints.of_search(request)
        page = self.histories.page(name.workspace, name.model_id, convert_history.to_query(request, bound_to))
        entries = [convert_history.from_entry(entry) for entry in page.entries]
        kept = page_tokens.entries_that_fit([entry.ByteSize() for entry in entries])
        ends = page.is_last and kept == len(entries)
        return pb.ListModelHistoryResponse(
            entries=entries[:kept],
            next_page_token=page_tokens.encode(bound_to, None if ends else [entries[kept - 1].sequence]),
            model_uid=page.model_uid,
        )

    def GetModelAsOf(self, request: pb.GetModelAsOfRequest, call: Call) -> pb.ModelAsOf:
        name = parse_model(request.name, "name")
        time = to_millis(request.time, "time")
        uid, entries = self.histories.until(name.workspace, name.model_id, time)
        replay = Replay()
        for entry in entries:
            replay.apply(entry)
        return convert_history.from_replay(replay, uid, self.promotions.get(name.workspace).stages)

    def VerifyModel(self, request: pb.VerifyModelRequest, call: Call) -> pb.VerifyModelResponse:
        name = parse_model(request.name, "name")
        known = convert_history.to_known(request)
        return convert_history.from_verified(self.verifier.verify(name.workspace, name.model_id, known))
