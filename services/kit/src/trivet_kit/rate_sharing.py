"""How the replicas of a service share the rates of workspaces: each tells the others what it is asked for.

Once a second every replica writes down what the workspaces asked of it, reads what they asked of the others, and gives
from then on what is left: the share that it would have if it were asked for any amount (max-min fairness). Nothing is
asked of the database in a call. Where it does not answer, shares stay as they are.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trivet_kit.errors import CallerError
from trivet_kit.rates import Rates

SHARING_SECONDS = 1.0

_log = logging.getLogger("trivet.rates")


@dataclass(frozen=True)
class Demand:
    """What a workspace asks of a replica."""

    quota: str
    workspace: str
    per_second: float


class Demands(Protocol):
    """Where replicas tell each other what they are asked for."""

    def exchange(self, replica: str, own: Sequence[Demand]) -> Sequence[Demand]:
        """Tells the others what this one is asked for, instead of what it told before; returns what they are asked for.

        Raises:
            CallerError: the database does not answer.
        """
        ...


def fair_share(limit: float, others: Sequence[float]) -> float:
    """What a replica that is asked for any amount may give of a limit, where others are asked for so much.

    Those that are asked for less than an equal part give that; the rest is divided among the others and this one.
    """
    left, sharing = limit, len(others) + 1
    for demand in sorted(others):
        if demand * sharing >= left:
            break
        left -= demand
        sharing -= 1
    return left / sharing


class RateSharing:
    """Shares rates with the other replicas in a thread of its own, until it is closed."""

    def __init__(self, demands: Demands | None, rates: Sequence[Rates], seconds: float = SHARING_SECONDS) -> None:
        """Starts the thread.

        Args:
            demands: What replicas tell each other by; None: there are no others.
            rates: What is shared, each of another quota.
            seconds: How often.
        """
        self._demands = demands
        self._rates = {each.quota: each for each in rates}
        self._seconds = seconds
        self._replica = secrets.token_hex(8)
        self._closed = threading.Event()
        self._said_trouble = False
        self._was_asked = False
        self._thread = threading.Thread(target=self._run, name="rate-sharing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, and returns when it has; calling it again does nothing."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(self._seconds):
            try:
                self._share()
            except CallerError as error:
                if not self._said_trouble:
                    self._said_trouble = True
                    _log.warning("rates are shared as before: what the other replicas take is not known (%s)", error)
            except Exception:  # noqa: BLE001 - whatever it is, calls are let in as before
                _log.exception("rates are shared as before")
            else:
                self._said_trouble = False

    def _share(self) -> None:
        # Also where there are no others: what is used is known from reports.
        reports = {quota: rates.report() for quota, rates in self._rates.items()}
        own = [
            Demand(quota, workspace, per_second)
            for quota, report in reports.items()
            for workspace, per_second in report.items()
        ]
        # Where nobody asks for anything that is limited, the database is left alone.
        if self._demands is None or not (own or self._was_asked):
            return
        others = _by_workspace(self._demands.exchange(self._replica, own))
        self._was_asked = bool(own)
        for demand in own:
            rates = self._rates[demand.quota]
            limit = rates.limit_of(demand.workspace)
            if limit is not None:
                share = fair_share(limit, others.get((demand.quota, demand.workspace), ()))
                rates.share(demand.workspace, share / limit)


def _by_workspace(demands: Sequence[Demand]) -> Mapping[tuple[str, str], Sequence[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for demand in demands:
        found.setdefault((demand.quota, demand.workspace), []).append(demand.per_second)
    return found
