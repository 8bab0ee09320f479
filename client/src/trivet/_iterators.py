"""Searches without an end: iterators that ask for the next page when they come to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from trivet._paging import iterated
from trivet._view_type import ViewType

if TYPE_CHECKING:
    from trivet._client import Client
    from trivet._entities import Experiment, LoggedModel, Run
    from trivet._model_entities import ModelVersion, RegisteredModel

_PAGE: Final = 1000
_Ids = Sequence[str | int] | str | int
_Order = Sequence[str] | str | None


class Iterators:
    """Everything that passes a filter, one after the other, in the order of the search of that name.

    What changes meanwhile does not shift the pages. Arguments and errors are those of the client's search; an error
    comes when the page is asked for.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def runs(
        self,
        experiment_ids: _Ids = (),
        filter_string: str = "",
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: _Order = None,
    ) -> Iterator[Run]:
        """Runs, of all experiments where none is named."""
        return iterated(
            lambda token: self._client.search_runs(
                experiment_ids, filter_string, run_view_type, _PAGE, order_by, page_token=token
            )
        )

    def experiments(
        self,
        filter_string: str = "",
        view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: _Order = None,
    ) -> Iterator[Experiment]:
        """Experiments."""
        return iterated(
            lambda token: self._client.search_experiments(view_type, _PAGE, filter_string, order_by, page_token=token)
        )

    def logged_models(self, experiment_ids: _Ids = (), filter_string: str | None = None) -> Iterator[LoggedModel]:
        """Logged models, of all experiments where none is named."""
        return iterated(
            lambda token: self._client.search_logged_models(
                experiment_ids, filter_string, max_results=_PAGE, page_token=token
            )
        )

    def registered_models(self, filter_string: str = "", order_by: _Order = None) -> Iterator[RegisteredModel]:
        """Registered models, each with its newest versions."""
        return iterated(
            lambda token: self._client.search_registered_models(filter_string, _PAGE, order_by, page_token=token)
        )

    def model_versions(self, filter_string: str = "", order_by: _Order = None) -> Iterator[ModelVersion]:
        """Versions of all models."""
        return iterated(
            lambda token: self._client.search_model_versions(filter_string, _PAGE, order_by, page_token=token)
        )
