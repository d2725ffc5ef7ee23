"""Who may ask: a key where the operator asks for one."""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any

from fraud import artefacts
from fraud.api import keys, pages
from fraud.api.problems import Refused
from fraud.api.reply import Environ, StartResponse
from fraud.errors import UsageError

# Where the name of the key's holder is left, for the log.
HOLDER = "fraud.holder"

# What an orchestrator asks, which has no key.
OPEN = frozenset({"/health", "/ready"})

# What a person opens before there is a page to type a key into: it holds no secret.
KEYLESS = OPEN | {"/openapi.json", *pages.FILES}

# Seconds between two looks at the file.
_PATIENCE = 1.0

_log = logging.getLogger(__name__)


class Guard:
    """A WSGI application in front of another one, which lets those pass who hold a key of the file.

    The file is read again once it has changed; where it can't be used any more, the keys stay as they were.

    Args:
        shared: the folder where workers keep the keys that were good last, for one that comes when the file can't be
            used; None: nowhere.

    Raises:
        UsageError: the file can't be used, and no keys were kept.
    """

    def __init__(self, application: Any, path: Path, shared: Path | None = None) -> None:
        self._application = application
        self._path = path
        self._shared = shared
        self._looked = monotonic()
        self._seen: tuple[int, int, int] | None = None
        try:
            self._read()
        except UsageError as error:
            if shared is None:
                raise
            try:
                self._keys = keys.kept(shared)
            except UsageError:
                raise error from None
            _told(error)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in KEYLESS:
            try:
                environ[HOLDER] = self._holder(environ.get("HTTP_AUTHORIZATION", ""))
            except Refused as refused:
                return refused.reply(environ).send(environ, start_response)
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer

    def _holder(self, authorization: str) -> str:
        self._look()
        scheme, _, secret = authorization.partition(" ")
        key = keys.holder(self._keys, secret.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                "Send a key of this API, with 'Authorization: Bearer KEY'.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if key.expired():
            raise Refused(HTTPStatus.FORBIDDEN, f"The key {key.name} expired on {key.expires}: ask for a new one.")
        return key.name

    def _look(self) -> None:
        # A clock that is set back must not keep a revoked key good.
        if monotonic() - self._looked < _PATIENCE:
            return
        self._looked = monotonic()
        try:
            if artefacts.state(self._path) != self._seen:
                self._read()
        except UsageError as error:
            _told(error)

    def _read(self) -> None:
        state = artefacts.state(self._path)
        self._keys = keys.read(self._path)
        self._seen = state
        if self._shared is not None:
            try:
                keys.keep(self._keys, self._shared)
            except OSError as error:
                _log.warning("no copy of the keys is kept for a worker that dies (%s)", error.strerror)


def _told(error: UsageError) -> None:
    _log.error("%s; the keys stay as they were", error)
