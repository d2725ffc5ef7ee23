"""Errors as problem documents: RFC 9457, `application/problem+json`."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a body: where (a JSON pointer, RFC 6901), what stands there, how to mend it."""

    pointer: str
    value: str | None
    mend: str


class Refused(Exception):
    """A request that the client can mend."""

    def __init__(self, status: HTTPStatus, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults


def init_app(app: Flask, _: object) -> None:
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def _refused(refused: Refused) -> Response:
    extensions: dict[str, Any] = {"detail": refused.detail}
    if refused.faults:
        extensions["errors"] = [
            {key: value for key, value in vars(fault).items() if value is not None} for fault in refused.faults
        ]
    return _problem(refused.status, extensions)


def _http_error(error: HTTPException) -> Response:
    response = _problem(HTTPStatus(error.code or 500), {"detail": error.description})
    # `Allow` of a 405, for one; the body is no longer the HTML that the rest describes.
    response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return response


def _bug(error: Exception) -> Response:
    """The answer to a bug has an id and nothing else; the log has the rest under that id."""
    identity = uuid.uuid4().hex
    current_app.logger.error("error %s", identity, exc_info=error)
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, {"id": identity})


def _problem(status: HTTPStatus, extensions: Mapping[str, Any]) -> Response:
    # "about:blank": the status says what kind of problem it is (RFC 9457, section 4.2.1).
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, **extensions}
    return Response(current_app.json.dumps(document) + "\n", status, mimetype=MEDIA_TYPE)
