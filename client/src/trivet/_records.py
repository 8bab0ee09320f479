"""What is logged to a run, checked at the call."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from typing import Final, SupportsFloat, SupportsIndex

from trivet._entities import Dataset, DatasetInput, LoggedModelOutput
from trivet._errors import InvalidArgument
from trivet._spool.frames import Series

# As in the contract (tracking_service.proto, Param and Tag; run_inputs.proto); the server checks them again.
_MAX_KEY_CHARACTERS: Final = 250
_MAX_PARAM_BYTES: Final = 16 * 1024
_MAX_TAG_BYTES: Final = 64 * 1024
_MAX_DATASET_NAME_CHARACTERS: Final = 500
_MAX_DIGEST_CHARACTERS: Final = 64
_MAX_SOURCE_TYPE_CHARACTERS: Final = 250
_MAX_DATASET_BYTES: Final = {"source": 65_535, "schema": 1_048_575, "profile": 4 * 1024 * 1024}
_MAX_INPUT_TAG_KEY_CHARACTERS: Final = 255
_MAX_INPUT_TAG_CHARACTERS: Final = 500
_LOGGED_MODEL_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,249}")
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INT64: Final = range(-(2**63), 2**63)


def check_key(key: str) -> str:
    """Returns a key that the server will take.

    Raises:
        InvalidArgument: it will not; says why.
    """
    return _check_label("key", key, _MAX_KEY_CHARACTERS)


def _check_label(what: str, label: str, max_characters: int) -> str:
    if not isinstance(label, str):
        raise InvalidArgument(f"A {what} is a text, not {label!r}.")
    if not label or label.isspace():
        raise InvalidArgument(f"A {what} must have more than white space.")
    if len(label) > max_characters:
        raise InvalidArgument(
            f"The {what} {label[:40]!r}… has {len(label)} characters; at most {max_characters} are allowed."
        )
    if _CONTROL_CHARACTERS.search(label):
        raise InvalidArgument(f"The {what} {label!r} must not have control characters.")
    return label


def check_model_id(model_id: str) -> str:
    """Returns the id of a logged model. Raises InvalidArgument where it cannot be one."""
    if not _LOGGED_MODEL_ID.fullmatch(str(model_id)):
        raise InvalidArgument(f"{model_id!r:.300} is not the id of a logged model, such as m- and 32 digits.")
    return model_id


def check_dataset(dataset: Dataset) -> Dataset:
    """Returns a dataset that the server will take. Raises InvalidArgument where it will not."""
    if not isinstance(dataset, Dataset):
        raise InvalidArgument(f"A dataset is a trivet.Dataset, not {dataset!r:.100}.")
    _check_label("dataset's name", dataset.name, _MAX_DATASET_NAME_CHARACTERS)
    _check_label("dataset's digest", dataset.digest, _MAX_DIGEST_CHARACTERS)
    _check_characters("the source type of a dataset", dataset.source_type, _MAX_SOURCE_TYPE_CHARACTERS)
    for part, max_bytes in _MAX_DATASET_BYTES.items():
        to_text(f"the {part} of dataset {dataset.name!r}", getattr(dataset, part), max_bytes)
    return dataset


def to_dataset_input(dataset: Dataset, tags: Mapping[str, object]) -> DatasetInput:
    """An input of a run, its tags as text. Raises InvalidArgument where the server will not take it."""
    return DatasetInput(
        check_dataset(dataset),
        {
            _check_label("key", key, _MAX_INPUT_TAG_KEY_CHARACTERS): _check_characters(
                f"tag {key!r}", value, _MAX_INPUT_TAG_CHARACTERS
            )
            for key, value in tags.items()
        },
    )


def to_model_output(output: LoggedModelOutput) -> LoggedModelOutput:
    """An output of a run. Raises InvalidArgument where the server will not take it."""
    check_is("models", output, LoggedModelOutput)
    return LoggedModelOutput(check_model_id(output.model_id), to_int64("step", output.step))


def to_series(key: str, model_id: str | None, dataset_name: str, dataset_digest: str) -> Series:
    """What a point belongs to, but for the rank. Raises InvalidArgument."""
    return Series(
        check_key(key),
        model_id=check_model_id(model_id) if model_id else "",
        dataset_name=_check_characters("the name of a dataset", dataset_name, _MAX_DATASET_NAME_CHARACTERS),
        dataset_digest=_check_characters("the digest of a dataset", dataset_digest, _MAX_DIGEST_CHARACTERS),
    )


def _check_characters(what: str, value: object, max_characters: int) -> str:
    text = to_text(what, value, 4 * max_characters)
    if len(text) > max_characters:
        raise InvalidArgument(f"The value of {what} has {len(text)} characters; at most {max_characters} are allowed.")
    return text


def to_number(key: str, value: SupportsFloat) -> float:
    """The value of a point as a float; scalars of NumPy and PyTorch are numbers too.

    Raises:
        InvalidArgument: it is no number. Text is none, also where it spells one.
    """
    if not isinstance(value, str | bytes | bytearray):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            pass  # PyTorch raises a RuntimeError for a tensor of several numbers
    raise InvalidArgument(f"The value of metric {key!r} must be a number, not {value!r:.100}.")


def to_int64(what: str, value: SupportsIndex) -> int:
    """A whole number that fits into 64 bits.

    Raises:
        InvalidArgument: it is none; `what` says of what.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number not in _INT64:
        raise InvalidArgument(f"{what} must be a whole number of 64 bits, not {value!r:.100}.")
    return number


def to_param_value(key: str, value: object) -> str:
    """The text of a param's value. Raises InvalidArgument where it is too long or holds NUL."""
    return to_text(f"param {key!r}", value, _MAX_PARAM_BYTES)


def to_tag_value(key: str, value: object) -> str:
    """The text of a tag's value. Raises InvalidArgument where it is too long or holds NUL."""
    return to_text(f"tag {key!r}", value, _MAX_TAG_BYTES)


def to_texts(what: str, values: Iterable[str]) -> list[str]:
    """Several texts. Raises InvalidArgument for one text, which Python would take apart; `what` says of what."""
    if isinstance(values, str):
        raise InvalidArgument(f"{what} must be a list of texts, not the text {values!r:.100}.")
    return list(values)


def check_is(what: str, value: object, kind: type) -> None:
    """Raises InvalidArgument where a value is not of a class; `what` says of what."""
    if not isinstance(value, kind):
        raise InvalidArgument(f"Each of {what} must be a {kind.__name__}, not {value!r:.100}.")


def to_params(params: Mapping[str, object] | None) -> dict[str, str]:
    """Params as a message has them. Raises InvalidArgument."""
    return {check_key(key): to_param_value(key, value) for key, value in _items("params", params)}


def to_tags(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Tags as a message has them. Raises InvalidArgument."""
    return {check_key(key): to_tag_value(key, value) for key, value in _items("tags", tags)}


def _items(what: str, values: Mapping[str, object] | None) -> Iterable[tuple[str, object]]:
    if values is not None and not isinstance(values, Mapping):
        raise InvalidArgument(f"{what} must be a mapping such as a dict, not {values!r:.100}.")
    return (values or {}).items()


def to_text(what: str, value: object, max_bytes: int) -> str:
    """A value as text. Raises InvalidArgument where it is too long or holds NUL; `what` says of what."""
    text = str(value)
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidArgument(f"The value of {what} is not valid Unicode.") from None
    if length > max_bytes:
        raise InvalidArgument(f"The value of {what} has {length} bytes; at most {max_bytes} are allowed.")
    if "\0" in text:
        raise InvalidArgument(f"The value of {what} must not hold the character NUL.")
    return text
