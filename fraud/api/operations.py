"""What an operator asks: `GET /health`, `GET /ready`, `GET /model` and `GET /metrics`."""

from http import HTTPStatus
from typing import Any

import numpy as np
from flask import Blueprint, Flask, Response, current_app, jsonify

from fraud import schema
from fraud.api.metrics import MEDIA_TYPE, Metrics
from fraud.api.problems import Refused
from fraud.scorer import Scorer

_blueprint = Blueprint("operations", __name__)
_KEY, _METRICS = "fraud.scorer", "fraud.metrics"

_TWIN_NOTICE = "Fitted on the synthetic twin, not on genuine transactions: for trying things out, not for decisions."


def init_app(app: Flask, scorer: Scorer, metrics: Metrics) -> None:
    app.extensions[_KEY] = scorer
    app.extensions[_METRICS] = metrics
    app.register_blueprint(_blueprint)


@_blueprint.get("/health")
def health() -> Response:
    """Alive, with the model that answers."""
    return jsonify(status="ok", model=_scorer().manifest.version)


@_blueprint.get("/ready")
def ready() -> Response:
    """Whether the model answers: asked about the median transaction of its training, just now."""
    scorer = _scorer()
    medians = np.array([[scorer.manifest.features[name].median for name in schema.FEATURES]])
    try:
        scorer.score(medians)
    except Exception as error:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The model does not answer.") from error
    return jsonify(status="ready", model=scorer.manifest.version)


@_blueprint.get("/model")
def model() -> Response:
    """What the bundle says of itself, with a notice where it stands on synthetic data."""
    manifest = _scorer().manifest
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
    scorer: Scorer = current_app.extensions[_KEY]
    return scorer
