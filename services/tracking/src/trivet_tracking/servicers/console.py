"""What the processes of runs wrote to their consoles."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid
from trivet_kit.resources import parse_run
from trivet_proto.tracking.v1 import console_pb2 as pb
from trivet_tracking.convert_console import from_console_line
from trivet_tracking.domain.console import Console, ConsoleQuery


@dataclass(frozen=True)
class ConsoleServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    console: Console

    def ListConsoleLines(self, request: pb.ListConsoleLinesRequest, call: Call) -> pb.ListConsoleLinesResponse:
        bound_to = fingerprints.of_search(request)
        name = parse_run(request.parent, "parent")
        if request.min_number < 0:
            raise FieldInvalid("min_number", "must be 0 or more")
        if request.newest < 0:
            raise FieldInvalid("newest", "must be 0 or more")
        query = ConsoleQuery(
            min_number=request.min_number,
            newest=request.newest,
            size=page_tokens.page_size(request.page_size),
            max_bytes=page_tokens.MAX_PAGE_BYTES,
            after=page_tokens.decode(bound_to, request.page_token),
        )
        page = self.console.list(name.workspace, name.run_id, query)
        return pb.ListConsoleLinesResponse(
            lines=[from_console_line(number, line) for number, line in enumerate(page.lines, page.first)],
            next_page_token=page_tokens.encode(bound_to, None if page.is_last else [page.first + len(page.lines) - 1]),
            end_number=page.end,
            first_number=page.kept_from,
        )
