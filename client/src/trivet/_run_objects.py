"""Files of a run that are made of objects."""

from __future__ import annotations

import json
import math
import secrets
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, SupportsFloat, SupportsIndex, cast

from trivet import _contents as contents
from trivet._errors import ArtifactNotFound, InvalidArgument
from trivet._filter_texts import quoted
from trivet._mode import Mode

if TYPE_CHECKING:
    from trivet._client import Client

LOGGED_ARTIFACTS_TAG: Final = "mlflow.loggedArtifacts"
"""Which artifacts are tables, as MLflow's screens look for them."""
_MAX_TABLE_BYTES: Final = 256 << 20
"""Of a table to which rows are added: all of it is read and written again."""
_LOGGED_IMAGES_TAG: Final = "mlflow.loggedImages"


class RunObjects:
    """Makes files of objects, and uploads them to a run; waits until they are stored.

    Where no server answers, or with TRIVET_MODE=offline, they are kept on this machine and uploaded later.
    """

    def __init__(self, client: Client, run_id: str) -> None:
        self._client = client
        self._run_id = run_id

    def text(self, text: str, artifact_file: str) -> None:
        """A text, as UTF-8."""
        self._put(artifact_file, text.encode())

    def mapping(self, content: object, artifact_file: str) -> None:
        """What JSON or YAML can hold."""
        self._put(artifact_file, contents.of_mapping(content, artifact_file))

    def figure(self, figure: object, artifact_file: str, options: Mapping[str, object]) -> None:
        """A figure of matplotlib or plotly."""
        self._put(artifact_file, contents.of_figure(figure, artifact_file, options))

    def image(
        self,
        image: object,
        artifact_file: str | None,
        key: str | None,
        step: SupportsIndex | None,
        timestamp: int | None,
    ) -> None:
        """An image: a file, or one of a series under a key."""
        if (artifact_file is None) == (key is None):
            raise InvalidArgument("Give either artifact_file or key: a file of its own, or one of a series.")
        if artifact_file is not None:
            self._put(artifact_file, contents.of_image(image, artifact_file))
            return
        file = _of_series("images", cast("str", key), step, timestamp, ".png")
        self._put(file, contents.of_image(image, file))
        self._client.tracking.set_tag(self._run_id, _LOGGED_IMAGES_TAG, "True")

    def histogram(
        self,
        key: str,
        values: object,
        step: SupportsIndex | None,
        timestamp: int | None,
        bins: int | Sequence[float],
    ) -> None:
        """A histogram: one of a series under a key."""
        counted = contents.of_histogram(values, bins)
        self._put(_of_series("histograms", key, step, timestamp, ".json"), json.dumps(counted).encode())

    def table(self, table: object, artifact_file: str, *, replaces: bool = False) -> None:
        """Rows of named columns; those of a JSON file that is there come first, or else it is replaced."""
        before = None if replaces else self._before(artifact_file)
        self._put(artifact_file, contents.of_table(table, artifact_file, before))
        if before is None:
            self._note_table(artifact_file)

    def _before(self, artifact_file: str) -> bytes | None:
        if self._client.tracking.without_server.mode is not Mode.ONLINE:
            return None
        try:
            return self._client.artifacts.read_artifact(self._run_id, artifact_file, max_bytes=_MAX_TABLE_BYTES)
        except ArtifactNotFound:
            return None

    def _note_table(self, artifact_file: str) -> None:
        tracking = self._client.tracking
        if tracking.without_server.mode is not Mode.ONLINE:
            return
        found = tracking.search_runs(
            filter_string=f"run_id = {quoted(self._run_id)}",
            metric_keys=(),
            param_keys=(),
            tag_keys=[LOGGED_ARTIFACTS_TAG],
        )
        noted = found[0].tags.get(LOGGED_ARTIFACTS_TAG, "[]") if found else "[]"
        entry = {"path": artifact_file, "type": "table"}
        try:
            entries = [each for each in json.loads(noted) if each != entry]
        except (ValueError, TypeError):
            entries = []
        tracking.set_tag(self._run_id, LOGGED_ARTIFACTS_TAG, json.dumps([*entries, entry]))

    def _put(self, artifact_file: str, content: bytes) -> None:
        path = PurePosixPath(artifact_file)
        if not path.name:
            raise InvalidArgument("artifact_file must name a file, such as 'notes/first.txt'.")
        folder = "" if path.parent == PurePosixPath() else str(path.parent)
        with tempfile.TemporaryDirectory(prefix="trivet-") as here:
            local = Path(here, path.name)
            local.write_bytes(content)
            self._client.tracking.without_server.log_files(
                self._run_id,
                local,
                folder or None,
                lambda: self._client.artifacts.log_artifact(
                    self._run_id, local, artifact_path=folder or None, progress=False
                ),
                with_name=True,
            )


def flattened(values: Mapping[str, object], prefix: str = "") -> dict[str, SupportsFloat]:
    """Numbers by their keys; those of mappings in it have the outer key and `/` before theirs.

    Raises:
        InvalidArgument: a value is neither; says which function logs it.
    """
    flat: dict[str, SupportsFloat] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flattened(value, f"{path}/"))
        elif hasattr(value, "__float__") and math.prod(getattr(value, "shape", ())) == 1:
            flat[path] = cast("SupportsFloat", value)
        else:
            raise InvalidArgument(f"{path!r} is {type(value).__name__}, not a number. {_way_of(value)}")
    return flat


def _way_of(value: object) -> str:
    if isinstance(value, str):
        return "Texts are params, tags or files: log_param, set_tag, log_text."
    if hasattr(value, "savefig") or hasattr(value, "to_plotly_json"):
        return "log_figure takes figures."
    if contents.is_of(value, "pandas", "DataFrame") or contents.is_of(value, "polars", "DataFrame"):
        return "log_table takes tables, and log_input notes datasets."
    if contents.is_of(value, "numpy", "ndarray"):
        return "log_histogram and log_image take arrays."
    return "Other functions log other things: log_param, log_text, log_dict, log_image, log_table, log_artifact."


def _of_series(folder: str, key: str, step: SupportsIndex | None, timestamp: int | None, suffix: str) -> str:
    """The file of one step, named as MLflow names it."""
    if not key:
        raise InvalidArgument("key must not be empty.")
    at = int(time.time() * 1000) if timestamp is None else timestamp
    number = 0 if step is None else step.__index__()
    return f"{folder}/{key.replace('/', '#')}+step+{number}+timestamp+{at}+{secrets.token_hex(16)}{suffix}"
