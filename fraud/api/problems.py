"""Errors as problem documents: RFC 9457, `application/problem+json`."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from fraud.api.reply import Environ, Reply, request_id

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a body: where (a JSON pointer, RFC 6901), what stands there, how to mend it."""

    pointer: str
    value: str | None
    mend: str


class Refused(Exception):
    """A request that the client can mend."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults
        self.headers = headers

    def reply(self, environ: Environ) -> Reply:
        """What the client reads: every fault with its mend."""
        extensions: dict[str, Any] = {"detail": self.detail}
        if self.faults:
            extensions["errors"] = [
                {key: value for key, value in vars(fault).items() if value is not None} for fault in self.faults
            ]
        return _problem(environ, self.status, extensions, self.headers)


def bug(environ: Environ, error: Exception) -> Reply:
    """The answer to a bug has an id and nothing else; the log has the rest under that id."""
    _log.error("error %s", request_id(environ), exc_info=error)
    return _problem(environ, HTTPStatus.INTERNAL_SERVER_ERROR, {})


def init_app(app: Flask) -> None:
    app.register_error_handler(Refused, lambda refused: refused.reply(request.environ).response())
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, lambda error: bug(request.environ, error).response())


def _http_error(error: HTTPException) -> Response:
    reply = _problem(request.environ, HTTPStatus(error.code or 500), {"detail": error.description})
    response = reply.response()
    # `Allow` of a 405, for one; the body is no longer the HTML that the rest describes.
    response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return response


def _problem(
    environ: Environ,
    status: HTTPStatus,
    extensions: Mapping[str, Any],
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Reply:
    # "about:blank": the status says what kind of problem it is (RFC 9457, section 4.2.1).
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, **extensions}
    # In ASCII: what a client sent may hold half a character, which UTF-8 has no bytes for.
    body = json.dumps(document | {"id": request_id(environ)}, separators=(",", ":")).encode("ascii") + b"\n"
    return Reply(status, MEDIA_TYPE, body, headers)
