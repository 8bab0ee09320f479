"""Datasets that runs used."""

from __future__ import annotations

from typing import Any, Final

from trivet_gateway.answers import without_empty
from trivet_gateway.errors import MlflowError, invalid, missing
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.paging import gathered
from trivet_gateway.upstream import Caller, last
from trivet_proto.tracking.v1 import logged_model_service_pb2 as pb

_MOST_EXPERIMENTS: Final = 20
_MOST: Final = 1_000


async def search(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns the datasets of experiments, and what for they were used. An experiment that is not there has none."""
    experiments = fields.texts("experiment_ids")
    if not experiments:
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(experiments) > _MOST_EXPERIMENTS:
        raise invalid(
            f"SearchDatasets request cannot specify more than {_MOST_EXPERIMENTS} experiment_ids. "
            f"Received {len(experiments)} experiment_ids."
        )
    summaries: list[dict[str, Any]] = []
    for experiment_id in dict.fromkeys(experiments):
        request = pb.SearchDatasetsRequest(parent=caller.parent, experiments=[caller.experiment(experiment_id)])
        try:
            found, _ = await gathered(
                caller, caller.upstream.tracking.SearchDatasets, request, lambda page: page.datasets, _MOST
            )
        except MlflowError as error:
            if error.code != missing("").code:
                raise
            continue
        summaries += [
            without_empty(
                {
                    "experiment_id": last(dataset.experiment),
                    "name": dataset.name,
                    "digest": dataset.digest,
                    "context": dataset.context,
                }
            )
            for dataset in found
        ]
    return without_empty({"dataset_summaries": summaries})
