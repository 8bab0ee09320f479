"""What can be wrong with the text of a search."""

from __future__ import annotations

from trivet_kit.errors import CallerError, Code


class FilterInvalid(CallerError):
    """A filter cannot be understood.

    `position` counts characters from 1. `problem` says what is wrong there and what to do, without a full stop.
    """

    code = Code.INVALID_ARGUMENT
    reason = "FILTER_INVALID"

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(
            f"filter at character {position}: {problem}.", metadata={"position": str(position)}, field="filter"
        )


class OrderByInvalid(CallerError):
    """An order_by cannot be understood; `position` and `problem` as in FilterInvalid."""

    code = Code.INVALID_ARGUMENT
    reason = "ORDER_BY_INVALID"

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(
            f"order_by at character {position}: {problem}.", metadata={"position": str(position)}, field="order_by"
        )
