"""The values that the SDK returns, with the names that users of MLflow know. Times are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from trivet._errors import ClientClosed

if TYPE_CHECKING:
    from trivet._client import Client
    from trivet._metric_columns import MetricColumns
    from trivet._run_views import RunArtifacts

_Item = TypeVar("_Item")


class PagedList(list[_Item]):
    """A list that knows where the search goes on."""

    def __init__(self, items: Iterable[_Item] = (), token: str = "") -> None:
        super().__init__(items)
        self.token = token
        """The `page_token` of what follows; empty at the end."""


@dataclass(frozen=True)
class Experiment:
    """A named group of runs that belong together."""

    experiment_id: str
    """A decimal number, counted up in each workspace."""
    name: str
    lifecycle_stage: str
    """`active` or `deleted`."""
    artifact_location: str = ""
    """Empty: Trivet's artifact service keeps the artifacts of its runs."""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None


@dataclass(frozen=True)
class RunInfo:
    """What a run is, without what was logged to it."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    """`RUNNING`, `SCHEDULED`, `FINISHED`, `FAILED` or `KILLED`."""
    start_time: int | None
    end_time: int | None
    """None while it has not ended."""
    lifecycle_stage: str
    """`active` or `deleted`; a run of a deleted experiment is deleted."""
    user_id: str = ""
    """Who runs it, as the client said."""
    created_by: str = ""
    """The verified caller who created it, or `anonymous`."""
    source: str = ""
    """The script or notebook that was run."""
    git_commit: str = ""
    """The commit that was checked out beside the source."""
    parent_run_id: str = ""
    description: str = ""
    forked_from_run_id: str = ""
    """The run that it was forked from; empty of others."""
    forked_from_step: int | None = None
    """The last step whose points it has from that run."""
    last_write_time: int | None = None
    """When something was last logged to it, or it was changed."""
    stale: bool = False
    """Whether it is RUNNING and was not written for so long that its process has perhaps ended without saying so."""

    @property
    def artifact_uri(self) -> str:
        """Where its artifacts are, in the form that `register_model` takes: `runs:/{run_id}`."""
        return f"runs:/{self.run_id}"


@dataclass(frozen=True)
class RunData:
    """What was logged to a run."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """The current value of each metric: that of the greatest step, then time."""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsoleLine:
    """A line that a process of a run wrote to its console, or a piece of one."""

    text: str
    """Without the line break. Control characters are kept, such as those that give colors: print it with care."""
    timestamp: int
    """When it was written."""
    stream: str = "stdout"
    """`stdout` or `stderr`."""
    rank: int | None = None
    """The process of a job that wrote it; None where it had no rank."""
    unfinished: bool = False
    """Whether the next one of the same stream and rank goes on with it: long lines and progress bars come in pieces."""
    number: int = 0
    """Its place among the lines of the run, from 0 up; of those that are logged, the server gives it."""


@dataclass(frozen=True)
class Dataset:
    """Data that a run was trained or evaluated on: what it is, not the data itself."""

    name: str
    digest: str
    """Tells it from others of its name, such as the start of a hash of its content."""
    source_type: str = ""
    """What kind of place it came from, such as `local` or `s3`."""
    source: str = ""
    """Where it came from."""
    schema: str = ""
    """What columns it has."""
    profile: str = ""
    """Statistics of it, such as the number of rows."""


@dataclass(frozen=True)
class DatasetInput:
    """A dataset, and what a run used it for."""

    dataset: Dataset
    tags: Mapping[str, str] = field(default_factory=dict)
    """`mlflow.data.context`, such as `training`, is what searches call its context."""


@dataclass(frozen=True)
class LoggedModelInput:
    """A logged model that a run used."""

    model_id: str


@dataclass(frozen=True)
class LoggedModelOutput:
    """A logged model that a run made."""

    model_id: str
    step: int = 0


@dataclass(frozen=True)
class RunInputs:
    """What went into a run."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    """By name and digest."""
    model_inputs: tuple[LoggedModelInput, ...] = ()
    """By id."""


@dataclass(frozen=True)
class RunOutputs:
    """What came out of a run, besides metrics and files."""

    model_outputs: tuple[LoggedModelOutput, ...] = ()
    """By step, then id."""


@dataclass(frozen=True)
class DatasetSummary:
    """A dataset as the runs of an experiment used it."""

    experiment_id: str
    name: str
    digest: str
    context: str
    """What they used it for; empty where they do not say."""


@dataclass(frozen=True)
class Run:
    """A run as it was when it was read."""

    info: RunInfo
    data: RunData
    inputs: RunInputs | None = None
    """None where a search did not ask for them."""
    outputs: RunOutputs | None = None
    """None where a search did not ask for them."""

    _client: ClassVar[Client | None] = None
    """What it was read by, set on each; not a field, for it is not part of the value."""

    @property
    def params(self) -> Mapping[str, str]:
        """What was logged as its params."""
        return self.data.params

    @property
    def metrics(self) -> Mapping[str, float]:
        """The current value of each metric."""
        return self.data.metrics

    @property
    def tags(self) -> Mapping[str, str]:
        """What it is marked with."""
        return self.data.tags

    @property
    def artifacts(self) -> RunArtifacts:
        """Its files, read when they are asked for. Raises ClientClosed where it was not read by a client."""
        from trivet._run_views import RunArtifacts  # noqa: PLC0415 - `import trivet` is to cost little

        return RunArtifacts(self._reader(), self.info.run_id)

    def history(self, key: str, *, min_step: int | None = None, max_step: int | None = None) -> MetricColumns:
        """The points of a metric as NumPy arrays, by step; `.to_pandas()` makes a DataFrame of them.

        Args:
            key: The metric's; one that was never logged has no points.
            min_step: Only points of this step and later ones. Default: from the first.
            max_step: Only points of this step and earlier ones. Default: to the last.

        Raises:
            ClientClosed: it was not read by a client.
            InvalidArgument: NumPy is not installed.
        """
        return self._reader().tracking.get_metric_columns(self.info.run_id, key, min_step=min_step, max_step=max_step)

    def _reader(self) -> Client:
        if self._client is None:
            raise ClientClosed("This run was not read by a client, or was sent between processes. Read it by get_run.")
        return self._client

    def __getstate__(self) -> dict[str, object]:
        # A client has connections, which no other process can have.
        return {name: value for name, value in self.__dict__.items() if name != "_client"}

    def _repr_html_(self) -> str:
        from trivet._run_views import to_html  # noqa: PLC0415 - as above

        return to_html(self, None if self._client is None else self._client.workspace)


@dataclass(frozen=True)
class Metric:
    """One point of a metric."""

    key: str
    value: float
    """NaN and the infinities are kept."""
    timestamp: int
    step: int
    model_id: str = ""
    """The logged model that was measured, to log it; histories are of all models and datasets together."""
    dataset_name: str = ""
    """The dataset that it was measured on; as `model_id`."""
    dataset_digest: str = ""


@dataclass(frozen=True)
class LoggedModelMetric:
    """What one run measured of a logged model on one dataset: the current value of a metric."""

    key: str
    value: float
    """That of the greatest step, then time."""
    timestamp: int
    step: int
    run_id: str
    dataset_name: str
    """Empty where the run does not say; so is the digest."""
    dataset_digest: str
    min: float
    """NaN left out; NaN where there is nothing else."""
    max: float


@dataclass(frozen=True)
class LoggedModel:
    """A model that training made, as it was when it was read."""

    model_id: str
    name: str
    experiment_id: str
    status: str
    """`PENDING`, `READY` or `UPLOAD_FAILED`."""
    model_type: str = ""
    source_run_id: str = ""
    """The run that made it; empty where that is not known."""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[LoggedModelMetric, ...] = ()
    """By key, run, dataset and digest."""
    created_by: str = ""
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None

    @property
    def model_uri(self) -> str:
        """Where its files are: `models:/{model_id}`, as `download_artifacts` and `register_model` take it."""
        return f"models:/{self.model_id}"


@dataclass(frozen=True)
class MetricSummary:
    """What a run has of a metric."""

    value: float
    """The current one: that of the greatest step, then time."""
    step: int
    min: float
    """NaN left out; NaN where there is nothing else."""
    max: float


@dataclass(frozen=True)
class ComparedKey(Generic[_Item]):
    """One key in several runs."""

    key: str
    differs: bool
    """Whether two runs have different values, or one has none."""
    values: Mapping[str, _Item]
    """By run id, in the order asked for; runs without the key are left out."""


@dataclass(frozen=True)
class RunComparison:
    """Runs side by side."""

    attributes: tuple[ComparedKey[str], ...]
    """What the runs are, by the names that filters have, such as `status` and `duration`; times in milliseconds."""
    params: tuple[ComparedKey[str], ...]
    tags: tuple[ComparedKey[str], ...]
    metrics: tuple[ComparedKey[MetricSummary], ...]


@dataclass(frozen=True)
class RunChange:
    """What changed of a run that is watched, with the newest state."""

    run_id: str
    experiment_id: str
    kinds: frozenset[str]
    """`created`, `fields` (also that it was deleted or restored), `params`, `tags`, `metrics`, and `metrics_removed`:
    what metrics are left has to be read again; at least one."""
    run: Run | None
    """The run as it is by now, without its metrics; None where only metrics changed."""
    metrics: Mapping[str, MetricSummary]
    """What the metrics that changed are by now; others are as they were."""


@dataclass(frozen=True)
class ExperimentChange:
    """An experiment, some runs of which are watched, was deleted or restored, and its runs with it."""

    experiment_id: str
    lifecycle_stage: str
    """`active` or `deleted`: what it is by now."""


@dataclass(frozen=True)
class PurgedExperiment:
    """An experiment that was removed for good, or would be."""

    experiment_id: str
    name: str
    run_count: int


@dataclass(frozen=True)
class PurgedRun:
    """A run that was removed for good, or would be."""

    run_id: str
    run_name: str
    point_count: int
    """How many points its metrics had."""
    point_bytes: int
    """What these took on the server, packed."""


@dataclass(frozen=True)
class Purged:
    """What was removed for good, or would be."""

    experiments: tuple[PurgedExperiment, ...]
    runs: tuple[PurgedRun, ...]
    """Those of the experiments too."""


@dataclass(frozen=True)
class RankSummary:
    """What the ranks of a job have of a metric at one step; NaN is left out of all but the count."""

    step: int
    mean: float
    """NaN where there is nothing but NaN, as `min` and `max`; NaN too for infinities of both signs."""
    min: float
    max: float
    ranks: int
    """How many have a point there."""


@dataclass(frozen=True)
class Receipt:
    """What became of the records that this process has logged through a client so far.

    A metric's point, a param and a tag are one record each.
    """

    logged: int
    stored: int
    """Durable on the server."""
    refused: int
    """Not taken by the server; the log of this process said why."""
    dropped: int = 0
    """Not taken in, because the spool was full and TRIVET_SPOOL_FULL is `drop`."""

    @property
    def pending(self) -> int:
        """Neither stored nor refused yet; kept on this machine."""
        return self.logged - self.stored - self.refused - self.dropped


@dataclass(frozen=True)
class ExportedTable:
    """What an export has of a table."""

    rows: int
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Export:
    """An export that is in place."""

    folder: str
    tables: Mapping[str, ExportedTable]
    """By the name of the table: `runs`, `params`, `tags`, `points`."""


@dataclass(frozen=True)
class ExportProgress:
    """How far an export is."""

    run_count: int
    """How many runs there are, as counted at the start."""
    run_tables: int
    """Of how many of them runs, params and tags are there, as far as those are asked for."""
    points: int
    """Of how many of them points are there, if those are asked for."""
    rows: Mapping[str, int]
    """How many rows there are so far, by the name of the table."""


@dataclass(frozen=True)
class FileInfo:
    """A file or a folder of a run."""

    path: str
    """From the run's top, with `/`."""
    is_dir: bool
    file_size: int | None
    """Bytes; None of a folder."""
    sha256: str = field(default="", compare=False)
    """Of the bytes, in hexadecimal; empty of a folder, and of a reference of which nobody said it."""
    reference_uri: str = field(default="", compare=False)
    """Where the bytes are, of a file that stays elsewhere; empty of all others."""
    is_verified: bool = field(default=False, compare=False)
    """Whether the service has itself found that the bytes have this digest; False of folders and references, and of a
    large file until shortly after its upload."""


@dataclass(frozen=True)
class Manifest:
    """One digest for a file, or for all files of a folder."""

    sha256: str
    """In hexadecimal: SHA-256 over the sorted lines `{hex sha256}  {path}\\n`, paths as seen from the folder."""
    file_count: int
    """References too."""
    total_bytes: int
    reference_count: int | None = None
    """How many of the files are references; None where the server did not say."""


@dataclass(frozen=True)
class FileCheck:
    """What a check found of one file."""

    path: str
    state: Literal["ok", "changed", "missing", "extra", "corrupt", "reference"]
    """`changed`, `missing` or `extra` beside what is stored; `corrupt`: the stored bytes are not those of the digest;
    `reference`: it is elsewhere, and was not looked at."""
    file_size: int | None
    """Bytes of the stored file; None where nothing is stored."""


OwnerKind = Literal["run", "logged_model", "model_version"]


@dataclass(frozen=True)
class OwnerKindUsage:
    """Files of one kind of owner."""

    owner_kind: OwnerKind
    owner_count: int
    """How many owners have files."""
    file_count: int
    """How many files they have, references too."""
    file_bytes: int
    """A content counts as often as there are files of it; references do not count."""
    reference_count: int


@dataclass(frozen=True)
class SpaceUsage:
    """How much room the files of a workspace take."""

    owner_kinds: list[OwnerKindUsage]
    """Those that have files."""
    stored_contents: int
    """Contents that are kept, each once."""
    stored_bytes: int
    unreferenced_contents: int
    """Contents of these to which no file refers; `collect_garbage` can free them."""
    unreferenced_bytes: int
    open_uploads: int
    """Large files on their way, or left by whoever was interrupted."""


@dataclass(frozen=True)
class CollectedGarbage:
    """What a collection removed, or would."""

    expired_files: int
    """Files that were kept long enough."""
    expired_bytes: int
    freed_contents: int
    """Contents to which nothing referred."""
    freed_bytes: int
    has_more: bool
    """Whether the limit was reached, so that there may be more."""


@dataclass(frozen=True)
class DamagedContent:
    """A content that the store does not have as the index says."""

    sha256: str
    """Of the content, 64 hex digits."""
    size_bytes: int
    problem: Literal["missing", "altered"]
    """Whether the store has no such bytes, or others in their place."""
    files: list[tuple[str, str]]
    """Files that have it, ten at the most: the owner's resource name, and the path. None where nothing refers to it."""


@dataclass(frozen=True)
class StoreCheck:
    """What a comparison of the index with the store found."""

    checked_contents: int
    checked_bytes: int
    damaged: list[DamagedContent]


@dataclass(frozen=True)
class Hold:
    """What keeps the files of an owner."""

    owner: str
    """Its resource name."""
    owner_id: str
    """The id at the end of it: of a run, for example."""
    reason: str
    """Why, as it was given."""
    create_time: int
    """Since when: milliseconds since the epoch."""


@dataclass(frozen=True)
class ServiceStatus:
    """What one of the three services answered when it was asked who it is."""

    service: str
    """`tracking`, `artifacts` or `registry`."""
    address: str
    """Empty where none is set."""
    problem: str = ""
    """Why it cannot be used, and what to do; empty where all is well."""
    version: str = ""
    """Of the server; empty where it did not answer."""
    user: str = ""
    """Whom the server takes the caller for: the subject of the token, or `anonymous`."""
    is_authenticated: bool = False
    """Whether the server verified credentials."""

    @property
    def is_reachable(self) -> bool:
        """Whether a Trivet server answers at the address, also if it cannot be used for some other reason."""
        return bool(self.version)


@dataclass(frozen=True)
class QuotaUsage:
    """How much a workspace uses of something that a server counts."""

    quota: str
    """As the policy file calls it: `bytes`, `points_per_second`, `requests_per_second` or `runs`."""
    used: int
    """In the quota's unit; of a rate, during one of the last seconds. Replicas may have done more just now."""
    limit: int | None
    """How much may be used; None: as much as one likes."""
    address: str
    """Of the server that counts it."""


@dataclass(frozen=True)
class WorkspaceAccess:
    """What the caller may do in a workspace."""

    workspace: str
    roles: tuple[str, ...]
    """`reader`, `writer`, `maintainer`, `approver`, `admin` or `maintenance`, sorted."""
    permissions: tuple[str, ...]
    """What the roles permit: `READ`, `WRITE`, `MAINTAIN`, `APPROVE`, `ADMIN`, in this order."""
    deleted_days: int | None
    """After how many days in the bin `Client.purge_by_policy` removes experiments and runs; None: it does not."""


@dataclass(frozen=True)
class CallerAccess:
    """Whom a server takes the caller for, and what it lets them do."""

    user: str
    """`ISSUER/NAME`, or `anonymous` where the server asks for no credentials."""
    is_authenticated: bool
    """Whether the server verified credentials."""
    groups: tuple[str, ...]
    """Of the user, each `ISSUER/NAME`, sorted."""
    token_id: str
    """Of the token that was sent, by which it can be revoked; empty for none."""
    server_roles: tuple[str, ...]
    """Over all workspaces and the server itself, sorted."""
    workspaces: tuple[WorkspaceAccess, ...]
    """Those that the caller may see, by name."""
