"""The application factory."""

from typing import Any

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider

from fraud.api import operations, predict, problems
from fraud.api.reply import REQUEST_ID, request_id
from fraud.scorer import Scorer


def create_app(scorer: Scorer) -> Flask:
    """The Flask application that answers with `scorer`: `POST /predict`, `GET /health`, `GET /ready`, `GET /model`.

    Every error is an RFC 9457 problem, whichever part of the application raises it.
    """
    app = Flask(__name__, static_folder=None)
    app.json = _Json(app)
    for part in (problems, predict, operations):
        part.init_app(app, scorer)
    app.after_request(_identified)
    return app


def _identified(response: Response) -> Response:
    response.headers[REQUEST_ID] = request_id(request.environ)
    return response


class _Json(DefaultJSONProvider):
    """Answers in the order in which a person reads them; NaN, which JSON lacks, is a bug and not an answer."""

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, allow_nan=False, **kwargs)
