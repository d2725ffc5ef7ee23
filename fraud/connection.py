"""One connection to an API: what is asked over it, and how it answers or fails. Standard library only."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection, RemoteDisconnected
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit


class Unreachable(Exception):
    """No answer from the API: it is not there, too slow, or something else answers in its place."""


class Refused(Exception):
    """The API said no. `errors` names each fault: `pointer`, `value` (where there is one) and `mend`.

    `retry_after` is how many seconds it asks to wait, where it does.
    """

    def __init__(
        self, status: int, detail: str, errors: list[dict[str, str]], retry_after: float | None = None
    ) -> None:
        faults = "; ".join(f"{error['pointer'] or 'the body'}: {error['mend']}" for error in errors)
        super().__init__(f"{status}: {detail} {faults}".rstrip())
        self.status = status
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class Connection:
    """Opened when it is needed, used again, and opened again where the server closed it meanwhile.

    Args:
        url, timeout, key: as `fraud.client.Client`.
    """

    def __init__(self, url: str, timeout: float, key: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not the address of an API: http://HOST:PORT is")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._http = kind(parts.hostname, parts.port, timeout=timeout)
        self._url = url
        self._path = parts.path.rstrip("/")
        self._authorization = {} if key is None else {"Authorization": f"Bearer {word(key, 'key')}"}

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[HTTPMessage, Any]:
        """The headers and the JSON of an answer.

        Raises:
            Refused: its status is another than 200.
            Unreachable: there is no answer, or it is none of an API like this one.
        """
        try:
            response, text = self._exchange(method, path, body, headers)
            if response.status != 200:
                raise _refused(response, text)
            return response.headers, json.loads(text)
        except (OSError, HTTPException, ValueError) as error:
            self._http.close()
            raise Unreachable(f"no answer from {self._url}{path}: {error or type(error).__name__}") from None

    def another(self, why: str) -> Unreachable:
        """The failure where something else answers."""
        return Unreachable(f"{self._url} answers, but not as this API does: {why}")

    def close(self) -> None:
        self._http.close()

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[HTTPResponse, bytes]:
        reused = self._http.sock is not None
        try:
            return self._once(method, path, body, headers)
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A server may close an idle connection at any time; asking twice for a decision changes nothing.
            self._http.close()
            if not reused:
                raise
            return self._once(method, path, body, headers)

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[HTTPResponse, bytes]:
        told = {**self._authorization, **headers}
        if body is not None:
            told["Content-Type"] = "application/json"
        # A refusal may come, and the connection be closed, before all of a large body is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._http.request(method, self._path + path, body, told)
        response = self._http.getresponse()
        return response, response.read()


def word(text: str, what: str) -> str:
    """Text that may stand in a header; it is not repeated where it may not, since it may be a secret."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"the {what} has other characters than letters, digits and marks of ASCII")
    return text


def _refused(response: HTTPResponse, text: bytes) -> Refused:
    pause = _seconds(response.headers.get("Retry-After", ""))
    try:
        document = json.loads(text)
        detail = document.get("detail") or document.get("title") or response.reason
        return Refused(response.status, str(detail), document.get("errors", []), pause)
    except (AttributeError, KeyError, TypeError, ValueError):
        # No problem document, such as the page of a proxy: its status is an answer all the same.
        return Refused(response.status, response.reason, [], pause)


def _seconds(retry_after: str) -> float | None:
    """Of a `Retry-After`, a number or a date (RFC 9110, section 10.2.3)."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
