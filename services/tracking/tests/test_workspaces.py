from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import experiment_activity_pb2 as activity_pb
from trivet_proto.tracking.v1 import lifecycle_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as models_pb
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.logged_model_pb2 import LOGGED_MODEL_STATUS_READY, LoggedModel
from trivet_proto.tracking.v1.param_importance_pb2 import ReadParamImportanceRequest
from trivet_proto.tracking.v1.rule_pb2 import (
    CreateRuleRequest,
    ListRuleEventsRequest,
    ListRulesRequest,
    NotANumber,
    Rule,
)
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_proto.tracking.v1.run_stop_pb2 import GetRunStopRequest, StopRunRequest
from trivet_proto.tracking.v1.saved_view_pb2 import (
    CreateSavedViewRequest,
    DeleteSavedViewRequest,
    GetSavedViewRequest,
    ListSavedViewsRequest,
    SavedView,
    UpdateSavedViewRequest,
)
from trivet_testing.errors import error_of
from trivet_testing.records import (
    create_experiment,
    create_logged_model,
    create_run,
    create_saved_view,
    get_logged_model,
    get_run,
    id_of,
    list_metrics,
    log,
    metric,
    read_history,
    saved_view_pages,
    search_experiments,
    search_runs,
    snapshot,
    write,
)
from trivet_testing.tracking import Tracking

UNKNOWN = "no-such-workspace"


@pytest.fixture
def elsewhere(tracking: Tracking) -> Tracking:
    """The same server, in the workspace that every server has; other tests leave it alone but for this one's ids."""
    return replace(tracking, workspace="default")


def test_experiments_are_counted_in_each_workspace(tracking: Tracking, elsewhere: Tracking) -> None:
    before = len(search_experiments(elsewhere, view=lifecycle_pb2.LIFECYCLE_VIEW_ALL))
    assert create_experiment(tracking).name == tracking.experiment_name(1)
    assert create_experiment(elsewhere).name == elsewhere.experiment_name(before)
    assert create_experiment(tracking).name == tracking.experiment_name(2)


def test_the_same_ids_and_names_in_two_workspaces_are_different_things(tracking: Tracking, elsewhere: Tracking) -> None:
    title = f"of {tracking.workspace}"
    here, there = create_experiment(tracking, title, description="here"), create_experiment(elsewhere, title)
    run_id = f"run-{tracking.workspace}"
    run = create_run(tracking, run_id, experiment=here.name, params={"p": "here"}).name
    other = create_run(elsewhere, run_id, experiment=there.name, params={"p": "there"}).name
    log(tracking, run, loss=1.0)
    write(elsewhere, other, metrics=metric("loss", (5, 5, 5.0)), tags=[pb.Tag(key="t", value="there")])

    assert search_runs(tracking) == [run_id]
    assert search_experiments(tracking, order_by="experiment_id DESC") == [title, "Default"]
    mine, theirs = get_run(tracking, run), get_run(elsewhere, other)
    assert (dict(mine.params), dict(mine.tags), mine.experiment) == ({"p": "here"}, {}, here.name)
    assert (dict(theirs.params), dict(theirs.tags), theirs.experiment) == ({"p": "there"}, {"t": "there"}, there.name)
    assert read_history(tracking, run, "loss") == [(0, 0, 1.0)]
    assert [found.value for found in list_metrics(elsewhere, other)] == [5.0]

    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    assert get_run(elsewhere, other) == theirs


def test_the_request_ids_of_workspaces_are_their_own(tracking: Tracking, elsewhere: Tracking) -> None:
    title = f"of {tracking.workspace}"
    request_id = "0192f0c1-0000-7000-8000-" + f"{int(tracking.workspace.rpartition('-')[2]):012x}"
    for place in (tracking, elsewhere):
        request = pb.CreateExperimentRequest(
            parent=place.parent, experiment=Experiment(display_name=title), request_id=request_id
        )
        assert place.stub.CreateExperiment(request).name.startswith(f"{place.parent}/")


Ask = Callable[[Tracking, str], object]
"""A call about a run, or an experiment, of which the resource name is given."""

OF_A_RUN: dict[str, Ask] = {
    "GetRun": get_run,
    "UpdateRun": lambda tracking, name: tracking.stub.UpdateRun(
        pb.UpdateRunRequest(run=Run(name=name), update_mask=FieldMask(paths=["description"]))
    ),
    "DeleteRun": lambda tracking, name: tracking.stub.DeleteRun(pb.DeleteRunRequest(name=name)),
    "RestoreRun": lambda tracking, name: tracking.stub.RestoreRun(pb.RestoreRunRequest(name=name)),
    "WriteRun": lambda tracking, name: write(tracking, name, tags=[pb.Tag(key="a", value="b")]),
    "ListMetrics": list_metrics,
    "ReadMetricHistory": lambda tracking, name: read_history(tracking, name, "loss"),
    "StopRun": lambda tracking, name: tracking.stub.StopRun(StopRunRequest(name=name)),
    "GetRunStop": lambda tracking, name: tracking.stub.GetRunStop(GetRunStopRequest(name=name)),
    "CreateRule": lambda tracking, name: tracking.stub.CreateRule(
        CreateRuleRequest(
            parent=name.partition("/runs/")[0], rule=Rule(run=name, display_name="a", not_a_number=NotANumber())
        )
    ),
    "ListRules": lambda tracking, name: tracking.stub.ListRules(
        ListRulesRequest(parent=name.partition("/runs/")[0], run=name)
    ),
    "ListRuleEvents": lambda tracking, name: tracking.stub.ListRuleEvents(
        ListRuleEventsRequest(parent=name.partition("/runs/")[0], run=name)
    ),
}
OF_AN_EXPERIMENT: dict[str, Ask] = {
    "GetExperiment": lambda tracking, name: tracking.stub.GetExperiment(pb.GetExperimentRequest(name=name)),
    "UpdateExperiment": lambda tracking, name: tracking.stub.UpdateExperiment(
        pb.UpdateExperimentRequest(experiment=Experiment(name=name), update_mask=FieldMask(paths=["description"]))
    ),
    "SetExperimentTags": lambda tracking, name: tracking.stub.SetExperimentTags(
        pb.SetExperimentTagsRequest(name=name, tags={"a": "b"})
    ),
    "DeleteExperiment": lambda tracking, name: tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=name)),
    "RestoreExperiment": lambda tracking, name: tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=name)),
    "SearchRuns": lambda tracking, name: tracking.stub.SearchRuns(
        pb.SearchRunsRequest(parent=name.partition("/experiments/")[0], experiments=[name])
    ),
    "CreateLoggedModel": lambda tracking, name: tracking.stub.CreateLoggedModel(
        models_pb.CreateLoggedModelRequest(
            parent=name.partition("/experiments/")[0], logged_model=LoggedModel(experiment=name)
        )
    ),
    "SearchLoggedModels": lambda tracking, name: tracking.stub.SearchLoggedModels(
        models_pb.SearchLoggedModelsRequest(parent=name.partition("/experiments/")[0], experiments=[name])
    ),
    "ListExperimentActivity": lambda tracking, name: tracking.stub.ListExperimentActivity(
        activity_pb.ListExperimentActivityRequest(parent=name.partition("/experiments/")[0], experiments=[name])
    ),
    "ReadParamImportance": lambda tracking, name: tracking.stub.ReadParamImportance(
        ReadParamImportanceRequest(parent=name.partition("/experiments/")[0], experiments=[name], metric_key="loss")
    ),
    "SearchDatasets": lambda tracking, name: tracking.stub.SearchDatasets(
        models_pb.SearchDatasetsRequest(parent=name.partition("/experiments/")[0], experiments=[name])
    ),
    "CreateSavedView": lambda tracking, name: tracking.stub.CreateSavedView(
        CreateSavedViewRequest(
            parent=name.partition("/experiments/")[0],
            saved_view=SavedView(display_name="a", state="{}", experiment=name),
        )
    ),
    "ListSavedViews": lambda tracking, name: tracking.stub.ListSavedViews(
        ListSavedViewsRequest(parent=name.partition("/experiments/")[0], experiment=name)
    ),
    "CreateRule": lambda tracking, name: tracking.stub.CreateRule(
        CreateRuleRequest(
            parent=name.partition("/experiments/")[0],
            rule=Rule(experiment=name, display_name="a", not_a_number=NotANumber()),
        )
    ),
    "ListRules": lambda tracking, name: tracking.stub.ListRules(
        ListRulesRequest(parent=name.partition("/experiments/")[0], experiment=name)
    ),
    "CreateRun": lambda tracking, name: tracking.stub.CreateRun(
        pb.CreateRunRequest(parent=name.partition("/experiments/")[0], run_id="new", run=Run(experiment=name))
    ),
}
OF_A_LOGGED_MODEL: dict[str, Ask] = {
    "GetLoggedModel": get_logged_model,
    "FinalizeLoggedModel": lambda tracking, name: tracking.stub.FinalizeLoggedModel(
        models_pb.FinalizeLoggedModelRequest(name=name, status=LOGGED_MODEL_STATUS_READY)
    ),
    "SetLoggedModelTags": lambda tracking, name: tracking.stub.SetLoggedModelTags(
        models_pb.SetLoggedModelTagsRequest(name=name, tags={"a": "b"})
    ),
    "AddLoggedModelParams": lambda tracking, name: tracking.stub.AddLoggedModelParams(
        models_pb.AddLoggedModelParamsRequest(name=name, params={"a": "b"})
    ),
    "DeleteLoggedModel": lambda tracking, name: tracking.stub.DeleteLoggedModel(
        models_pb.DeleteLoggedModelRequest(name=name)
    ),
}
OF_A_SAVED_VIEW: dict[str, Ask] = {
    "GetSavedView": lambda tracking, name: tracking.stub.GetSavedView(GetSavedViewRequest(name=name)),
    "UpdateSavedView": lambda tracking, name: tracking.stub.UpdateSavedView(
        UpdateSavedViewRequest(
            saved_view=SavedView(name=name, display_name="mine"), update_mask=FieldMask(paths=["display_name"])
        )
    ),
    "DeleteSavedView": lambda tracking, name: tracking.stub.DeleteSavedView(DeleteSavedViewRequest(name=name)),
}
OF_A_WORKSPACE: dict[str, Ask] = {
    "CreateSavedView": lambda tracking, parent: tracking.stub.CreateSavedView(
        CreateSavedViewRequest(parent=parent, saved_view=SavedView(display_name="a", state="{}"))
    ),
    "ListSavedViews": lambda tracking, parent: tracking.stub.ListSavedViews(ListSavedViewsRequest(parent=parent)),
    "CreateLoggedModel": lambda tracking, parent: tracking.stub.CreateLoggedModel(
        models_pb.CreateLoggedModelRequest(parent=parent)
    ),
    "SearchLoggedModels": lambda tracking, parent: tracking.stub.SearchLoggedModels(
        models_pb.SearchLoggedModelsRequest(parent=parent)
    ),
    "ReadParamImportance": lambda tracking, parent: tracking.stub.ReadParamImportance(
        ReadParamImportanceRequest(parent=parent, metric_key="loss")
    ),
    "SearchDatasets": lambda tracking, parent: tracking.stub.SearchDatasets(
        models_pb.SearchDatasetsRequest(parent=parent)
    ),
    "CreateExperiment": lambda tracking, parent: tracking.stub.CreateExperiment(
        pb.CreateExperimentRequest(parent=parent, experiment=Experiment(display_name="taxi"))
    ),
    "LookupExperiment": lambda tracking, parent: tracking.stub.LookupExperiment(
        pb.LookupExperimentRequest(parent=parent, display_name="Default")
    ),
    "SearchExperiments": lambda tracking, parent: tracking.stub.SearchExperiments(
        pb.SearchExperimentsRequest(parent=parent)
    ),
    "SearchRuns": lambda tracking, parent: tracking.stub.SearchRuns(pb.SearchRunsRequest(parent=parent)),
    "CreateRun": lambda tracking, parent: tracking.stub.CreateRun(pb.CreateRunRequest(parent=parent)),
}
NAMED: dict[str, tuple[Ask, str]] = {
    **{f"{method}-of-a-run": (ask, "/runs/a") for method, ask in OF_A_RUN.items()},
    **{f"{method}-of-a-logged-model": (ask, "/loggedModels/m-a") for method, ask in OF_A_LOGGED_MODEL.items()},
    **{f"{method}-of-a-saved-view": (ask, f"/savedViews/{'a' * 32}") for method, ask in OF_A_SAVED_VIEW.items()},
    **{f"{method}-of-an-experiment": (ask, "/experiments/0") for method, ask in OF_AN_EXPERIMENT.items()},
    **{f"{method}-of-the-workspace": (ask, "") for method, ask in OF_A_WORKSPACE.items()},
}


@pytest.mark.parametrize("case", NAMED)
def test_an_unknown_workspace_is_not_found(tracking: Tracking, case: str) -> None:
    ask, rest = NAMED[case]
    failure = error_of(lambda: ask(tracking, f"workspaces/{UNKNOWN}{rest}"))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "WORKSPACE_NOT_FOUND"
    assert failure.metadata == {"workspace": UNKNOWN}


@pytest.mark.parametrize("method", OF_A_RUN)
def test_a_run_of_another_workspace_answers_as_one_that_does_not_exist(
    tracking: Tracking, elsewhere: Tracking, method: str
) -> None:
    ask = OF_A_RUN[method]
    run_id = f"theirs-of-{tracking.workspace}"
    theirs = create_run(elsewhere, run_id)
    log(elsewhere, theirs.name, loss=1.0)
    before = snapshot(tracking)
    known = error_of(lambda: ask(tracking, tracking.run_name(run_id)))
    unknown = error_of(lambda: ask(tracking, tracking.run_name("unknown")))
    assert known.code == grpc.StatusCode.NOT_FOUND
    assert known.reason == "RUN_NOT_FOUND"
    assert known == replace(
        unknown,
        message=unknown.message.replace("unknown", run_id),
        metadata={"name": tracking.run_name(run_id)},
    )
    assert snapshot(tracking) == before


@pytest.mark.parametrize("method", OF_A_LOGGED_MODEL)
def test_a_logged_model_of_another_workspace_answers_as_one_that_does_not_exist(
    tracking: Tracking, elsewhere: Tracking, method: str
) -> None:
    ask = OF_A_LOGGED_MODEL[method]
    model_id = f"m-theirs-of-{tracking.workspace}"
    theirs = create_logged_model(elsewhere, model_id)
    known, unknown = (
        error_of(partial(ask, tracking, f"{tracking.parent}/loggedModels/{name}")) for name in (model_id, "m-unknown")
    )
    assert (known.code, known.reason) == (grpc.StatusCode.NOT_FOUND, "LOGGED_MODEL_NOT_FOUND")
    assert known == replace(
        unknown,
        message=unknown.message.replace("m-unknown", model_id),
        metadata={"name": f"{tracking.parent}/loggedModels/{model_id}"},
    )
    assert get_logged_model(elsewhere, theirs.name) == theirs


@pytest.mark.parametrize("method", OF_A_SAVED_VIEW)
def test_a_saved_view_of_another_workspace_answers_as_one_that_does_not_exist(
    tracking: Tracking, elsewhere: Tracking, method: str
) -> None:
    ask = OF_A_SAVED_VIEW[method]
    theirs = create_saved_view(elsewhere, f"{method} of {tracking.workspace}")
    known, unknown = (
        error_of(partial(ask, tracking, f"{tracking.parent}/savedViews/{saved_view_id}"))
        for saved_view_id in (id_of(theirs.name), "0" * 32)
    )
    assert (known.code, known.reason) == (grpc.StatusCode.NOT_FOUND, "SAVED_VIEW_NOT_FOUND")
    assert known == replace(
        unknown,
        message=unknown.message.replace("0" * 32, id_of(theirs.name)),
        metadata={"name": f"{tracking.parent}/savedViews/{id_of(theirs.name)}"},
    )
    assert elsewhere.stub.GetSavedView(GetSavedViewRequest(name=theirs.name)) == theirs
    assert [*saved_view_pages(tracking)] == [[]]


@pytest.mark.parametrize("method", OF_AN_EXPERIMENT)
def test_an_experiment_of_another_workspace_answers_as_one_that_does_not_exist(
    tracking: Tracking, elsewhere: Tracking, method: str
) -> None:
    ask = OF_AN_EXPERIMENT[method]
    number = int(create_experiment(elsewhere).name.rpartition("/")[2])
    before = snapshot(tracking)
    known = error_of(lambda: ask(tracking, tracking.experiment_name(number)))
    unknown = error_of(lambda: ask(tracking, tracking.experiment_name(987654321)))
    assert known.code == grpc.StatusCode.NOT_FOUND
    assert known.reason == "EXPERIMENT_NOT_FOUND"
    assert known == replace(
        unknown,
        message=unknown.message.replace("987654321", str(number)),
        metadata={"name": tracking.experiment_name(number)},
    )
    assert snapshot(tracking) == before


def test_a_search_in_experiments_of_which_one_is_missing_is_not_found(tracking: Tracking) -> None:
    known, missing = create_experiment(tracking).name, tracking.experiment_name(77)
    failure = error_of(lambda: search_runs(tracking, experiments=[known, missing]))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "EXPERIMENT_NOT_FOUND"
    assert failure.metadata == {"name": missing}


MIXED: dict[str, Callable[[Tracking, str], object]] = {
    "experiment-of-a-new-model": lambda tracking, other: create_logged_model(
        tracking, experiment=f"{other}/experiments/0"
    ),
    "source-run-of-a-new-model": lambda tracking, other: create_logged_model(tracking, source_run=f"{other}/runs/a"),
    "experiment-of-a-new-run": lambda tracking, other: create_run(tracking, experiment=f"{other}/experiments/0"),
    "parent-of-a-new-run": lambda tracking, other: create_run(tracking, parent_run=f"{other}/runs/a"),
    "experiment-of-a-new-saved-view": lambda tracking, other: create_saved_view(
        tracking, "a", experiment=f"{other}/experiments/0"
    ),
    "experiment-of-saved-views": lambda tracking, other: next(saved_view_pages(tracking, f"{other}/experiments/0")),
    "experiments-of-a-search": lambda tracking, other: search_runs(
        tracking, experiments=[tracking.experiment_name(0), f"{other}/experiments/0"]
    ),
    "experiment-of-an-update": lambda tracking, other: tracking.stub.UpdateRun(
        pb.UpdateRunRequest(
            run=Run(name=tracking.run_name("a"), experiment=f"{other}/experiments/0"),
            update_mask=FieldMask(paths=["description"]),
        )
    ),
}


@pytest.mark.parametrize("place", ["default", UNKNOWN])
@pytest.mark.parametrize("case", MIXED)
def test_names_of_several_workspaces_in_one_request_are_refused(tracking: Tracking, case: str, place: str) -> None:
    before = snapshot(tracking)
    failure = error_of(lambda: MIXED[case](tracking, f"workspaces/{place}"))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "WORKSPACES_MIXED"
    assert failure.metadata == {"workspaces": ",".join(sorted((tracking.workspace, place)))}
    assert snapshot(tracking) == before
