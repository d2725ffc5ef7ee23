"""The Python client of the API: standard library only, one connection that is re-used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class ModelName:
    version: str
    digest: str


@dataclass(frozen=True)
class Unusual:
    """A value that is possible but unusual."""

    feature: str
    value: float
    detail: str


@dataclass(frozen=True)
class Reason:
    """How far one feature's value moved the answer: `contribution` in calibrated log-odds, above 0 towards fraud.

    Those of all features add up to the answer's, less those of a base that is the same for all transactions, unless the
    model's `manifest.json` calls its reasons an approximation.
    """

    feature: str
    value: float
    contribution: float


@dataclass(frozen=True)
class Prediction:
    """The answer to one transaction; `prediction` is 1 exactly where `decision` is not "approve"."""

    prediction: int
    probability: float
    decision: str
    threshold: float
    model: ModelName
    warnings: tuple[Unusual, ...]
    reasons: tuple[Reason, ...]


class Unreachable(Exception):
    """No answer from the API: it is not there, too slow, or something else answers in its place."""


class Refused(Exception):
    """The API said no. `errors` names each fault: `pointer`, `value` (where there is one) and `mend`."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, str]]) -> None:
        faults = "; ".join(f"{error['pointer'] or 'the body'}: {error['mend']}" for error in errors)
        super().__init__(f"{status}: {detail} {faults}".rstrip())
        self.status = status
        self.detail = detail
        self.errors = errors


class Client:
    """Asks one API over one connection; not to be shared between threads.

    Args:
        url: where the API is, such as "http://127.0.0.1:8000".
        timeout: seconds to wait for a connection, and for each part of an answer.
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not the address of an API: http://HOST:PORT is")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._url = url
        self._path = parts.path.rstrip("/")

    def predict(self, transaction: Mapping[str, float]) -> Prediction:
        """The decision on one transaction, its 30 raw features by name.

        Raises:
            Refused: the API says what to mend.
            Unreachable: there is no answer, or none of this API.
            ValueError: a value is NaN or infinite.
        """
        answer = self._ask("POST", "/predict", json.dumps(dict(transaction), allow_nan=False).encode())
        try:
            return _prediction(answer)
        except (KeyError, TypeError) as error:
            raise Unreachable(f"{self._url} answers, but not as this API does: {error!r}") from None

    def health(self) -> dict[str, Any]:
        """`GET /health`. Raises: as `predict`."""
        return self._ask("GET", "/health")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            status, text = self._exchange(method, path, body)
            document = json.loads(text)
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            raise Unreachable(f"no answer from {self._url}{path}: {error or type(error).__name__}") from None
        if not isinstance(document, dict):
            raise Unreachable(f"{self._url}{path} answers, but not as this API does")
        if status != 200:
            detail = document.get("detail") or document.get("title", "")
            raise Refused(status, str(detail), document.get("errors", []))
        return document

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        reused = self._connection.sock is not None
        try:
            return self._once(method, path, body)
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A server may close an idle connection at any time; asking twice for a decision changes nothing.
            self._connection.close()
            if not reused:
                raise
            return self._once(method, path, body)

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._connection.request(method, self._path + path, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()


def _prediction(answer: Mapping[str, Any]) -> Prediction:
    return Prediction(
        prediction=answer["prediction"],
        probability=answer["probability"],
        decision=answer["decision"],
        threshold=answer["threshold"],
        model=ModelName(**answer["model"]),
        warnings=tuple(Unusual(**warning) for warning in answer["warnings"]),
        reasons=tuple(Reason(**reason) for reason in answer["reasons"]),
    )
