"""The application factory."""

from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from fraud.api import operations, predict, problems
from fraud.scorer import Scorer

# 10,000 transactions of 30 numbers with 17 digits and their names are 8 MB.
MOST_BYTES = 16 * 1024 * 1024


def create_app(scorer: Scorer) -> Flask:
    """The WSGI application that answers with `scorer`: `POST /predict`, `GET /health`, `GET /model`.

    Every error is an RFC 9457 problem, whichever part of the application raises it.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.json = _Json(app)
    for part in (problems, predict, operations):
        part.init_app(app, scorer)
    return app


class _Json(DefaultJSONProvider):
    """Answers in the order in which a person reads them; NaN, which JSON lacks, is a bug and not an answer."""

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, allow_nan=False, **kwargs)
