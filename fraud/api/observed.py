"""Every request counted, and told in one line of the access log."""

from collections.abc import Iterable
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any

import msgspec

from fraud.api.guard import HOLDER
from fraud.api.lines import Lines
from fraud.api.live import Live
from fraud.api.metrics import Metrics
from fraud.api.predict import DECIDED
from fraud.api.reply import Environ, StartResponse, request_id


class Observed:
    """A WSGI application around another one.

    Args:
        application: what answers.
        routes: the addresses that are told apart; what else is asked for is "other", or anybody could fill the counts.
        live: knows which model answers.
        lines: where each request is told in a line of JSON, without the value of any feature; None: nowhere.
    """

    def __init__(
        self, application: Any, metrics: Metrics, routes: frozenset[str], live: Live, lines: Lines | None
    ) -> None:
        self._application = application
        self._metrics = metrics
        self._routes = routes
        self._live = live
        self._lines = lines

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        status = 500

        def started(line: str, *rest: Any) -> Any:
            nonlocal status
            status = int(line[:3])
            return start_response(line, *rest)

        try:
            answer: Iterable[bytes] = self._application(environ, started)
        finally:
            self._answered(environ, status, perf_counter() - began)
        return answer

    def _answered(self, environ: Environ, status: int, seconds: float) -> None:
        route = environ["PATH_INFO"] if environ["PATH_INFO"] in self._routes else "other"
        self._metrics.answered(route, status, seconds)
        model = self._live.model(environ).version
        scores = environ.get(DECIDED)
        decisions = None if scores is None else self._metrics.decided(scores, model)
        if self._lines is not None:
            self._lines.add(
                _Line(
                    datetime.fromtimestamp(time(), UTC),
                    request_id(environ),
                    environ["REQUEST_METHOD"],
                    route,
                    status,
                    round(seconds * 1e3, 3),
                    model,
                    decisions,
                    environ.get(HOLDER),
                )
            )


class _Line(msgspec.Struct, gc=False):
    """What the log tells of a request: the decisions are how many there were of each."""

    time: datetime
    id: str
    method: str
    route: str
    status: int
    milliseconds: float
    model: str
    decisions: dict[str, int] | None
    holder: str | None
