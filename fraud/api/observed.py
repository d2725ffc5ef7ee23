"""Every request counted, and told in one line of the access log."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from http import HTTPMethod
from time import perf_counter, time
from typing import Any

import msgspec
import numpy as np

from fraud import schema
from fraud.api.guard import HOLDER
from fraud.api.lines import Lines
from fraud.api.live import Live
from fraud.api.metrics import Metrics
from fraud.api.predict import DECIDED, TRANSACTIONS
from fraud.api.reply import Environ, StartResponse, request_id
from fraud.scorer import Score, Scores

# The nine of RFC 9110 and RFC 5789. What else is sent is "other": it may be longer than a line of the log.
_METHODS = frozenset(method.value for method in HTTPMethod)


class Observed:
    """A WSGI application around another one.

    Args:
        application: what answers.
        routes: the addresses that are told apart; what else is asked for is "other", or anybody could fill the counts.
        live: knows which model answers.
        lines: where each request is told in a line of JSON, without the value of any feature; None: nowhere.
        transactions: whether each transaction that was decided is told there, too, in a line of its own.
    """

    def __init__(
        self,
        application: Any,
        metrics: Metrics,
        routes: frozenset[str],
        live: Live,
        lines: Lines | None,
        transactions: bool = False,
    ) -> None:
        self._application = application
        self._metrics = metrics
        self._routes = routes
        self._live = live
        self._lines = lines
        self._transactions = transactions

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
            now = datetime.fromtimestamp(time(), UTC)
            method = environ["REQUEST_METHOD"]
            self._lines.add(
                _Line(
                    now,
                    request_id(environ),
                    method if method in _METHODS else "other",
                    route,
                    status,
                    round(seconds * 1e3, 3),
                    model,
                    decisions,
                    environ.get(HOLDER),
                )
            )
            if self._transactions and scores is not None:
                for decided in _decided(now, request_id(environ), environ[TRANSACTIONS], scores):
                    self._lines.add(decided)


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


class _Decided(msgspec.Struct, gc=False):
    """What the log tells of a transaction: its place in the request, from 0, and the features as the client sent them.

    A line each, since longer ones would mix with those of other workers.
    """

    time: datetime
    id: str
    number: int
    probability: float
    decision: str
    transaction: dict[str, float]


def _decided(
    now: datetime, request: str, transactions: Sequence[Sequence[float]], scores: Scores | Score
) -> Iterator[_Decided]:
    probability, decision = np.atleast_1d(scores.probability).tolist(), np.atleast_1d(scores.decision).tolist()
    for number, values in enumerate(transactions):
        features = dict(zip(schema.FEATURES, map(float, values), strict=True))
        yield _Decided(now, request, number, probability[number], decision[number], features)
