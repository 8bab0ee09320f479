"""What people saved of pages by name."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import parse_saved_view, parse_workspace
from trivet_kit.updates import to_revision
from trivet_proto.tracking.v1 import saved_view_pb2 as pb
from trivet_tracking import convert_saved_views
from trivet_tracking.domain.saved_views import SavedViews


@dataclass(frozen=True)
class SavedViewServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    saved_views: SavedViews

    def CreateSavedView(self, request: pb.CreateSavedViewRequest, call: Call) -> pb.SavedView:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        workspace = parse_workspace(request.parent, "parent").workspace
        new = convert_saved_views.to_new_saved_view(request, call)
        return convert_saved_views.from_saved_view(self.saved_views.create(workspace, new, repeatable))

    def GetSavedView(self, request: pb.GetSavedViewRequest, call: Call) -> pb.SavedView:
        name = parse_saved_view(request.name, "name")
        return convert_saved_views.from_saved_view(self.saved_views.get(name.workspace, name.saved_view_id))

    def ListSavedViews(self, request: pb.ListSavedViewsRequest, call: Call) -> pb.ListSavedViewsResponse:
        bound_to = fingerprints.of_search(request)
        query = convert_saved_views.to_query(request, page_tokens.decode(bound_to, request.page_token))
        page = self.saved_views.page(parse_workspace(request.parent, "parent").workspace, query)
        saved_views = [convert_saved_views.from_saved_view(saved_view) for saved_view in page.saved_views]
        kept = page_tokens.entries_that_fit([saved_view.ByteSize() for saved_view in saved_views])
        ends = page.is_last and kept == len(saved_views)
        return pb.ListSavedViewsResponse(
            saved_views=saved_views[:kept],
            next_page_token="" if ends else page_tokens.encode(bound_to, page.cursors[kept - 1]),
        )

    def UpdateSavedView(self, request: pb.UpdateSavedViewRequest, call: Call) -> pb.SavedView:
        name = parse_saved_view(request.saved_view.name, "saved_view.name")
        change = convert_saved_views.to_saved_view_change(request)
        revision = to_revision(request.saved_view.etag)
        saved_view = self.saved_views.update(name.workspace, name.saved_view_id, change, revision)
        return convert_saved_views.from_saved_view(saved_view)

    def DeleteSavedView(self, request: pb.DeleteSavedViewRequest, call: Call) -> pb.DeleteSavedViewResponse:
        name = parse_saved_view(request.name, "name")
        self.saved_views.delete(name.workspace, name.saved_view_id)
        return pb.DeleteSavedViewResponse()
