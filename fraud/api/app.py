"""The application factory."""

from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, jsonify, request
from flask.json.provider import DefaultJSONProvider

from fraud.api import limits, operations, pages, predict, problems
from fraud.api.address import Addressed
from fraud.api.counts import Counts
from fraud.api.follower import Follower
from fraud.api.guard import Guard
from fraud.api.lane import Lane
from fraud.api.lines import Lines
from fraud.api.live import Live
from fraud.api.metrics import Metrics
from fraud.api.observed import Observed
from fraud.api.overload import Overload
from fraud.api.reply import EVERYWHERE, REQUEST_ID, request_id
from fraud.api.verdict import Verdict
from fraud.scorer import Scorer


def create_app(scorer: Scorer, metrics: Metrics | None = None, verdict: Verdict | None = None) -> Flask:
    """The Flask application that answers with `scorer`: `POST /predict`, and `GET` of what operators and people ask.

    Every error is an RFC 9457 problem, whichever part of the application raises it.

    Args:
        verdict: what the gates said of it, where they did.
    """
    app = Flask(__name__, static_folder=None)
    # To merge them, it would send the client on to a host of the name that it gave itself.
    app.url_map.merge_slashes = False
    app.json = _Json(app)
    live = Live(scorer, verdict)
    problems.init_app(app)
    predict.init_app(app, live.predict)
    operations.init_app(app, live, metrics or Metrics(Counts(None)))
    pages.init_app(app)
    app.add_url_rule("/openapi.json", "openapi", _openapi)
    app.after_request(_finished)
    return app


def create_server_app(
    scorer: Scorer,
    lines: Lines | None = None,
    counts: Counts | None = None,
    api_keys: Path | None = None,
    limit: limits.Limit | None = None,
    follow: Path | None = None,
    verdict: Verdict | None = None,
    log_transactions: bool = False,
    shared: Path | None = None,
) -> Observed:
    """The WSGI application that is served: `create_app`'s, the lane in front of it, guarded, and all of it counted.

    Args:
        lines: where each request is told in a line of JSON; without it none is.
        counts: what the workers count in; without it this process counts for itself alone.
        api_keys: see `Guard`; without it anybody may ask.
        limit: how often each may; without it as often as they like.
        follow: the bundle whose model takes the place of `scorer` once there is another one; it needs `shared`. See
            `Follower`.
        verdict: see `create_app`.
        log_transactions: whether each transaction has a line, too.
        shared: the folder where workers keep what one needs that comes in the place of another.

    Raises:
        UsageError: the file of keys can't be used, and none were kept.
    """
    metrics = Metrics(counts or Counts(None))
    app = create_app(scorer, metrics, verdict)
    live = operations.live(app)
    metrics.serves(live.current.version)
    routes = frozenset(rule.rule for rule in app.url_map.iter_rules())
    served: Any = Lane(app)
    if limit is not None:
        served = limits.Limited(served, limit)
    if api_keys is not None:
        served = Guard(served, api_keys, shared)
    if follow is not None and shared is not None:
        Follower(follow, live, metrics, shared).start()
    return Observed(Addressed(Overload(served)), metrics, routes, live, lines, log_transactions)


def _openapi() -> Response:
    # What makes it takes time to load, and nobody asks for it before the first decision.
    from fraud.api import openapi

    return jsonify(openapi.document(predict.handler(current_app)))


def _finished(response: Response) -> Response:
    response.headers[REQUEST_ID] = request_id(request.environ)
    for name, value in EVERYWHERE:
        response.headers.setdefault(name, value)
    return response


class _Json(DefaultJSONProvider):
    """Answers in the order in which a person reads them; NaN, which JSON lacks, is a bug and not an answer."""

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, allow_nan=False, **kwargs)
