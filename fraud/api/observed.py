"""Every request counted, and told in one line of the access log."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any

import msgspec

from fraud.api.guard import HOLDER
from fraud.api.live import Live
from fraud.api.metrics import Metrics
from fraud.api.predict import DECIDED
from fraud.api.reply import Environ, StartResponse, request_id

_STANDARD_OUTPUT = 1


class Observed:
    """A WSGI application around another one.

    Args:
        application: what answers.
        routes: the addresses that are told apart; what else is asked for is "other", or anybody could fill the counts.
        live: knows which model answers.
        log: whether to write a line of JSON to standard output for each request. None holds a feature's value.
    """

    def __init__(self, application: Any, metrics: Metrics, routes: frozenset[str], live: Live, log: bool) -> None:
        self._application = application
        self._metrics = metrics
        self._routes = routes
        self._live = live
        self._log = log

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
        if self._log:
            told = {
                "time": datetime.fromtimestamp(time(), UTC),
                "id": request_id(environ),
                "method": environ["REQUEST_METHOD"],
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1e3, 3),
                "model": model,
                "decisions": decisions,
                "holder": environ.get(HOLDER),
            }
            _write(msgspec.json.encode(told) + b"\n")


def _write(line: bytes) -> None:
    """In one call, so that the lines of several workers never mix; a full disk costs the line, not the answer."""
    try:
        os.write(_STANDARD_OUTPUT, line)
    except OSError:
        return
