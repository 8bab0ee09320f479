"""Experiments."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens, texts
from trivet_kit.calls import Call
from trivet_kit.resources import parse_experiment, parse_workspace
from trivet_kit.search.parser import parse_filter, parse_order_by
from trivet_kit.updates import to_revision
from trivet_proto.tracking.v1 import experiment_activity_pb2 as activity_pb
from trivet_proto.tracking.v1 import experiment_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking import convert
from trivet_tracking.domain import limits
from trivet_tracking.domain.experiments import ExperimentQuery, Experiments
from trivet_tracking.domain.vocabularies import EXPERIMENTS


@dataclass(frozen=True)
class ExperimentServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    experiments: Experiments

    def CreateExperiment(self, request: pb.CreateExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        workspace = parse_workspace(request.parent, "parent").workspace
        new = convert.to_new_experiment(request.experiment)
        created = self.experiments.create(workspace, new, fingerprints.repeatable_request(request, request.request_id))
        return convert.from_experiment(created)

    def GetExperiment(self, request: pb.GetExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        return convert.from_experiment(self.experiments.get(name.workspace, name.experiment_id))

    def LookupExperiment(self, request: pb.LookupExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        workspace = parse_workspace(request.parent, "parent").workspace
        name = texts.check_label(request.display_name, "display_name", limits.MAX_DISPLAY_NAME_CHARACTERS)
        return convert.from_experiment(self.experiments.lookup(workspace, name))

    def SearchExperiments(self, request: pb.SearchExperimentsRequest, call: Call) -> pb.SearchExperimentsResponse:
        bound_to = fingerprints.of_search(request)
        query = ExperimentQuery(
            where=parse_filter(request.filter, EXPERIMENTS),
            order_by=parse_order_by(request.order_by, EXPERIMENTS),
            view=convert.to_view(request.view),
            size=page_tokens.page_size(request.page_size),
            after=page_tokens.decode(bound_to, request.page_token),
        )
        page = self.experiments.search(parse_workspace(request.parent, "parent").workspace, query)
        experiments = [convert.from_experiment(experiment) for experiment in page.experiments]
        kept = page_tokens.entries_that_fit([experiment.ByteSize() for experiment in experiments])
        ends = page.is_last and kept == len(experiments)
        return pb.SearchExperimentsResponse(
            experiments=experiments[:kept],
            next_page_token="" if ends else page_tokens.encode(bound_to, page.cursors[kept - 1]),
        )

    def ListExperimentActivity(
        self, request: activity_pb.ListExperimentActivityRequest, call: Call
    ) -> activity_pb.ListExperimentActivityResponse:
        workspace = parse_workspace(request.parent, "parent").workspace
        activities = self.experiments.activity(workspace, convert.to_experiment_ids(request.experiments))
        return activity_pb.ListExperimentActivityResponse(
            activities=[convert.from_activity(activity) for activity in activities]
        )

    def UpdateExperiment(self, request: pb.UpdateExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.experiment.name, "experiment.name")
        change = convert.to_experiment_change(request)
        revision = to_revision(request.experiment.etag)
        return convert.from_experiment(self.experiments.update(name.workspace, name.experiment_id, change, revision))

    def SetExperimentTags(self, request: pb.SetExperimentTagsRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        tags = texts.check_map(request.tags, "tags", limits.MAX_TAG_VALUE_BYTES)
        deleted = texts.check_keys(request.deleted_tags, "deleted_tags")
        texts.check_disjoint(tags, deleted, "deleted_tags")
        return convert.from_experiment(self.experiments.set_tags(name.workspace, name.experiment_id, tags, deleted))

    def DeleteExperiment(self, request: pb.DeleteExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        return convert.from_experiment(self.experiments.delete(name.workspace, name.experiment_id))

    def RestoreExperiment(self, request: pb.RestoreExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        return convert.from_experiment(self.experiments.restore(name.workspace, name.experiment_id))
