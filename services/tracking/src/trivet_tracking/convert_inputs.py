"""Inputs and outputs of runs between messages and values. Checks what needs no database."""

from __future__ import annotations

from trivet_kit import texts
from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong
from trivet_kit.resources import LOGGED_MODEL_ID, ExperimentName
from trivet_proto.tracking.v1 import run_inputs_pb2
from trivet_tracking.domain import limits
from trivet_tracking.domain.run_inputs import Dataset, DatasetInput, DatasetSummary, RunLinks


def to_dataset_input(message: run_inputs_pb2.DatasetInput, field: str) -> DatasetInput:
    """Checks an input. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    dataset = message.dataset
    of_dataset = f"{field}.dataset"
    return DatasetInput(
        Dataset(
            name=texts.check_label(dataset.name, f"{of_dataset}.name", limits.MAX_DATASET_NAME_CHARACTERS),
            digest=texts.check_label(dataset.digest, f"{of_dataset}.digest", limits.MAX_DATASET_DIGEST_CHARACTERS),
            source_type=texts.check_text(
                dataset.source_type, f"{of_dataset}.source_type", limits.MAX_DATASET_SOURCE_TYPE_CHARACTERS
            ),
            source=texts.check_value(dataset.source, f"{of_dataset}.source", limits.MAX_DATASET_SOURCE_BYTES),
            schema=texts.check_value(dataset.schema, f"{of_dataset}.schema", limits.MAX_DATASET_SCHEMA_BYTES),
            profile=texts.check_value(dataset.profile, f"{of_dataset}.profile", limits.MAX_DATASET_PROFILE_BYTES),
        ),
        {
            texts.check_label(key, f"{field}.tags key", limits.MAX_INPUT_TAG_KEY_CHARACTERS): texts.check_text(
                value, f"{field}.tags[{key!r}]", limits.MAX_INPUT_TAG_VALUE_CHARACTERS
            )
            for key, value in sorted(message.tags.items())
        },
    )


def to_model_id(model_id: str, field: str) -> str:
    """Checks the id of a logged model. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    if not model_id:
        raise FieldRequired(field)
    if len(model_id) > texts.MAX_KEY_CHARACTERS:
        raise FieldTooLong(field, len(model_id), texts.MAX_KEY_CHARACTERS)
    if not LOGGED_MODEL_ID.fullmatch(model_id):
        raise FieldInvalid(field, f"must match {LOGGED_MODEL_ID.pattern}")
    return model_id


def from_inputs(links: RunLinks) -> run_inputs_pb2.RunInputs | None:
    """What a run used; None for nothing."""
    if not links.datasets and not links.model_inputs:
        return None
    return run_inputs_pb2.RunInputs(
        datasets=[
            run_inputs_pb2.DatasetInput(
                dataset=run_inputs_pb2.Dataset(
                    name=used.dataset.name,
                    digest=used.dataset.digest,
                    source_type=used.dataset.source_type,
                    source=used.dataset.source,
                    schema=used.dataset.schema,
                    profile=used.dataset.profile,
                ),
                tags=used.tags,
            )
            for used in links.datasets
        ],
        models=[run_inputs_pb2.LoggedModelInput(model_id=model_id) for model_id in links.model_inputs],
    )


def from_outputs(links: RunLinks) -> run_inputs_pb2.RunOutputs | None:
    """What a run made; None for nothing."""
    if not links.model_outputs:
        return None
    return run_inputs_pb2.RunOutputs(
        models=[
            run_inputs_pb2.LoggedModelOutput(model_id=output.model_id, step=output.step)
            for output in links.model_outputs
        ]
    )


def from_summary(workspace: str, summary: DatasetSummary) -> run_inputs_pb2.DatasetSummary:
    """A dataset of an experiment as a message."""
    return run_inputs_pb2.DatasetSummary(
        experiment=str(ExperimentName(workspace, summary.experiment_id)),
        name=summary.name,
        digest=summary.digest,
        context=summary.context,
    )
