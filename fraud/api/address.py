"""What is no address, whichever part of the application would take it for one."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fraud.api.problems import Refused
from fraud.api.reply import Environ, StartResponse


class Addressed:
    """A WSGI application in front of another one, which refuses with 404 what begins with two slashes.

    Flask leaves the second one out, but what stands before it, such as the guard, takes it for another address.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("//"):
            refused = Refused(HTTPStatus.NOT_FOUND, "There is no such address: begin it with a single slash.")
            return refused.reply(environ).send(environ, start_response)
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer
