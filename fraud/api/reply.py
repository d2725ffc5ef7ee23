"""An answer before it is anybody's: the same bytes, whether Flask sends them or the lane beside it."""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Response

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

REQUEST_ID = "X-Request-ID"

# No copy of a decision stays on the way, and no browser takes an answer for what it does not say it is.
EVERYWHERE = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))

_ID_IN_ENVIRON = "fraud.request_id"
# What may stand in a header, a log and an answer without further thought.
_SENSIBLE_ID = re.compile(r"[A-Za-z0-9._~:/+=-]{1,128}")


class Reply(NamedTuple):
    status: HTTPStatus
    media_type: str
    body: bytes
    headers: Mapping[str, str]

    def response(self) -> Response:
        """As Flask sends it."""
        return Response(self.body, self._line, self.headers, content_type=self.media_type)

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """As a WSGI application sends it."""
        headers = [
            ("Content-Type", self.media_type),
            ("Content-Length", str(len(self.body))),
            *EVERYWHERE,
            *self.headers.items(),
            (REQUEST_ID, request_id(environ)),
        ]
        start_response(self._line, headers)
        # A list: granian sends one as it is, and anything else piece by piece from a stream.
        return [self.body]

    @property
    def _line(self) -> str:
        return f"{self.status.value} {self.status.phrase}"


def request_id(environ: Environ) -> str:
    """The client's own id where it sent a sensible one, a new one elsewhere; always the same for one request."""
    found: str | None = environ.get(_ID_IN_ENVIRON)
    if found is None:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        found = sent if _SENSIBLE_ID.fullmatch(sent) else secrets.token_hex(16)
        environ[_ID_IN_ENVIRON] = found
    return found
