"""Datasets of runs."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import parse_workspace
from trivet_proto.tracking.v1 import logged_model_service_pb2 as pb
from trivet_tracking.convert import to_experiment_ids
from trivet_tracking.convert_inputs import from_summary
from trivet_tracking.domain.run_inputs import DatasetQuery, Datasets


@dataclass(frozen=True)
class DatasetServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    datasets: Datasets

    def SearchDatasets(self, request: pb.SearchDatasetsRequest, call: Call) -> pb.SearchDatasetsResponse:
        bound_to = fingerprints.of_search(request)
        workspace = parse_workspace(request.parent, "parent").workspace
        query = DatasetQuery(
            experiment_ids=to_experiment_ids(request.experiments),
            size=page_tokens.page_size(request.page_size),
            after=page_tokens.decode(bound_to, request.page_token),
        )
        page = self.datasets.search(workspace, query)
        return pb.SearchDatasetsResponse(
            datasets=[from_summary(workspace, summary) for summary in page.datasets],
            next_page_token="" if page.is_last else page_tokens.encode(bound_to, page.cursors[-1]),
        )
