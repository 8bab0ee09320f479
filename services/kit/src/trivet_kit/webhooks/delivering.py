"""Delivers events to webhooks, again and again until they have arrived."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic

from trivet_kit.errors import CallerError
from trivet_kit.webhooks.deliveries import Attempt, Deliveries, DeliveryState, DueDelivery, EventT
from trivet_kit.webhooks.posting import Poster
from trivet_kit.webhooks.signing import signed_headers

_INTERVAL_SECONDS = 0.25
# More than a store gives of one webhook at once, so that a few slow receivers do not hold up the others.
_AT_ONCE = 16
# Added to the time that a POST may take: for what comes before and after it.
_LEASE_SLACK_SECONDS = 30.0
_LONGEST_WAIT_SECONDS = 3600.0
_GIVE_UP_MILLIS = 24 * 3_600_000
# Ended deliveries stay for this long, as the contract says.
_KEEP_MILLIS = 30 * 24 * 3_600_000
_FORGET_EVERY_SECONDS = 3600.0

_log = logging.getLogger("trivet.kit.webhooks")


class Delivering(Generic[EventT]):
    """Threads that send what is due. Any number of replicas may have them: each delivery is one's for some time.

    A process that is killed between sending and saying so has its delivery sent again: events come at least once.
    """

    def __init__(
        self,
        deliveries: Deliveries[EventT],
        body_of: Callable[[EventT], bytes],
        poster: Poster,
        user_agent: str,
        now: Callable[[], int],
        timeout_seconds: float,
        first_wait_seconds: float,
        forget: Callable[[int], object] | None = None,
    ) -> None:
        """Starts them.

        Args:
            deliveries: What is to be sent.
            body_of: Gives the JSON text of an event, the same each time.
            poster: How.
            user_agent: Who sends, for receivers.
            now: Gives milliseconds since the Unix epoch.
            timeout_seconds: How long a POST may take.
            first_wait_seconds: How long after a first failure it is tried again; twice as long after each further one.
            forget: Drops deliveries that ended and were created so many milliseconds ago; None: they are kept.
        """
        self._deliveries = deliveries
        self._body_of = body_of
        self._poster = poster
        self._user_agent = user_agent
        self._now = now
        self._lease_millis = int((timeout_seconds + _LEASE_SLACK_SECONDS) * 1000)
        self._first_wait_seconds = first_wait_seconds
        self._forget = forget
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._sending: Counter[int] = Counter()
        """How many deliveries are under way, by the key of the webhook."""
        self._wake = threading.Event()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops when what is being sent has ended; calling it again does nothing."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()
        self._threads.shutdown()

    def _run(self) -> None:
        forget_at = time.monotonic()
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                if self._forget is not None and time.monotonic() >= forget_at:
                    self._forget(_KEEP_MILLIS)
                    forget_at = time.monotonic() + _FORGET_EVERY_SECONDS
                self._send_some()
            except CallerError as error:
                _log.warning("could not look for what to send: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is, the thread goes on
                _log.exception("could not look for what to send")
            self._wake.wait(_INTERVAL_SECONDS)

    def _send_some(self) -> None:
        """Sends what is due with the threads that are free."""
        with self._lock:
            free, busy = _AT_ONCE - self._sending.total(), set(self._sending)
        if not free:
            return
        for due in self._deliveries.claim(self._lease_millis, free, busy):
            with self._lock:
                self._sending[due.webhook_key] += 1
            self._threads.submit(self._deliver, due)

    def _deliver(self, due: DueDelivery[EventT]) -> None:
        try:
            self._deliveries.record(self._attempt(due))
        except CallerError as error:
            _log.warning("could not record a delivery, which will be repeated: %s", error)
        except Exception:  # noqa: BLE001 - it is tried again when its lease ends
            _log.exception("could not deliver", extra={"event": due.event_id})
        finally:
            with self._lock:
                self._sending[due.webhook_key] -= 1
                self._sending += Counter()  # without those that have none
            self._wake.set()

    def _attempt(self, due: DueDelivery[EventT]) -> Attempt:
        now = self._now()
        body = self._body_of(due.event)
        headers = {
            "content-type": "application/json",
            "user-agent": self._user_agent,
            "connection": "close",
            **signed_headers(due.secret, due.event_id, now // 1000, body),
        }
        answer = self._poster.post(due.url, headers, body)
        state, wait_seconds = DeliveryState.DELIVERED, 0.0
        if answer.problem:
            gives_up = now - due.create_time > _GIVE_UP_MILLIS
            state = DeliveryState.FAILED if gives_up else DeliveryState.PENDING
            wait_seconds = min(self._first_wait_seconds * 2.0 ** min(due.attempts, 30), _LONGEST_WAIT_SECONDS)
            wait_seconds *= random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
            _log.info("not delivered: %s", answer.problem, extra={"event": due.event_id, "state": state.name})
        return Attempt(
            delivery_key=due.delivery_key,
            time=now,
            state=state,
            due_time=self._now() + int(wait_seconds * 1000),
            http_status=answer.http_status,
            problem=answer.problem,
        )
