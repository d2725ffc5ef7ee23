"""What an operator asks: `GET /health`, `GET /ready`, `GET /model` and `GET /metrics`."""

import logging
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request

from fraud import schema
from fraud.api.live import Live
from fraud.api.metrics import MEDIA_TYPE, Metrics
from fraud.api.problems import Refused
from fraud.api.reply import request_id
from fraud.errors import UsageError
from fraud.scorer import Scorer

_log = logging.getLogger(__name__)

_blueprint = Blueprint("operations", __name__)
_LIVE, _METRICS = "fraud.live", "fraud.metrics"

_TWIN_NOTICE = "Fitted on the synthetic twin, not on genuine transactions: for trying things out, not for decisions."


def init_app(app: Flask, live: Live, metrics: Metrics) -> None:
    app.extensions[_LIVE] = live
    app.extensions[_METRICS] = metrics
    app.register_blueprint(_blueprint)


def live(app: Flask) -> Live:
    """What knows which model answers."""
    found: Live = app.extensions[_LIVE]
    return found


@_blueprint.get("/health")
def health() -> Response:
    """Alive, with the model that answers."""
    return jsonify(status="ok", model=_scorer().manifest.version)


@_blueprint.get("/ready")
def ready() -> Response:
    """Whether the model answers, just now; and why the bundle that is there now is not the one that does."""
    scorer = _scorer()
    try:
        scorer.self_test()
    except UsageError as error:
        _log.error("not ready %s", request_id(request.environ), exc_info=error)
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE, "The model does not answer.", headers={"Retry-After": "1"}
        ) from error
    answer = {"status": "ready", "model": scorer.manifest.version}
    # Still 200: to take every worker away for a bundle that none of them uses would make an outage of it.
    refused = live(current_app).refused
    return jsonify(answer if refused is None else answer | {"refused": refused})


@_blueprint.get("/model")
def model() -> Response:
    """What the bundle says of itself, and the gates of it; with a notice where it stands on synthetic data."""
    answering = live(current_app).model(request.environ)
    manifest, verdict = answering.scorer.manifest, answering.verdict
    data = manifest.training["data"]
    about: dict[str, Any] = {"version": manifest.version, "digest": manifest.digest, "protocol": manifest.protocol}
    if data.get("source") == "twin":
        about["notice"] = _TWIN_NOTICE
    return jsonify(
        about
        | {
            "thresholds": manifest.thresholds.model_dump(),
            "features": {
                column.name: {
                    "unit": column.unit,
                    "meaning": column.meaning,
                    "training": manifest.features[column.name].model_dump(),
                }
                for column in schema.FEATURE_COLUMNS
            },
            "reasons": manifest.reasons.model_dump() | {"exact": manifest.reasons.base is not None},
            "gates": None if verdict is None else verdict.model_dump(),
            "data": data,
            "created": manifest.provenance.get("created"),
        }
    )


@_blueprint.get("/metrics")
def metrics() -> Response:
    """The counts of all workers, in Prometheus' text format."""
    counted: Metrics = current_app.extensions[_METRICS]
    return Response(counted.text(), content_type=MEDIA_TYPE)


def _scorer() -> Scorer:
    return live(current_app).model(request.environ).scorer
