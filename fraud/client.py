"""The Python client of the API: standard library only, one connection that is used again."""

import json
import random
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Literal, Self, cast

from fraud import schema
from fraud.connection import Connection, Refused, Unreachable, word

__all__ = ["Client", "ModelName", "Prediction", "Reason", "Refused", "Unreachable", "Unusual"]

# By name; or the values alone, in the order of `schema.FEATURES`, such as a row of a numpy array.
Transaction = Mapping[str, float] | Iterable[float]

MOST_AT_ONCE = 10_000

_REQUEST_ID = "X-Request-ID"

# Seconds before the second attempt and before any, of which up to a half is left out at random.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0

# 502 and 504 are a proxy's, whose API is away.
_BUSY = (429, 502, 503, 504)


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
    """The answer to one transaction; `prediction` is 1 exactly where `decision` is not "approve".

    `request_id` is that of the request which it came with, as the API's log has it.
    """

    prediction: int
    probability: float
    decision: str
    threshold: float
    model: ModelName
    warnings: tuple[Unusual, ...]
    reasons: tuple[Reason, ...]
    request_id: str


class Client:
    """Asks one API over one connection; not to be shared between threads.

    Args:
        url: where the API is, such as "http://127.0.0.1:8000".
        timeout: seconds to wait for a connection, and for each part of an answer.
        key: where the API asks for one.
    """

    def __init__(self, url: str, timeout: float = 5.0, *, key: str | None = None) -> None:
        self._connection = Connection(url, timeout, key)

    def predict(
        self,
        transaction: Transaction,
        *,
        reasons: Literal["alerts", "always"] = "alerts",
        request_id: str | None = None,
    ) -> Prediction:
        """The decision on one transaction, its 30 raw features: by name, or in the schema's order.

        It asks once, since at a terminal somebody waits; once more where the server had closed an idle connection.

        Args:
            reasons: whether an approval comes with reasons too.
            request_id: to find the request by in the API's log; a new one where there is none.

        Raises:
            Refused: the API says what to mend.
            Unreachable: there is no answer, or none of this API.
            ValueError: a value is NaN or infinite, or there are not 30 of them.
        """
        [answer] = self._predict(_json(transaction), 1, reasons, request_id or uuid.uuid4().hex)
        return answer

    def predict_many(
        self,
        transactions: Iterable[Transaction],
        *,
        batch: int = 1_000,
        reasons: Literal["alerts", "always"] = "alerts",
        request_id: str | None = None,
        attempts: int = 6,
        patience: float = 60.0,
    ) -> Iterator[Prediction]:
        """The decisions on any number of transactions, lazily and in their order: no more than a batch is held at once.

        A batch without an answer, or told to come later (429, 502, 503, 504), is sent again after a pause: what
        `Retry-After` asks for, and a time at random that grows twice as long with each attempt.

        Args:
            batch: transactions to a request, at most 10,000.
            reasons: as `predict`.
            request_id: `/0`, `/1` ... is added for each batch; the same for each attempt at it.
            attempts: at a batch.
            patience: seconds from the first attempt at a batch within which the last one begins.

        Raises:
            Refused: as `predict`, when the batch is reached; its pointers count from the first of all transactions.
            Unreachable: as `predict`.
            ValueError: as `predict`, or `batch` or `attempts` is out of range.
        """
        if not 1 <= batch <= MOST_AT_ONCE:
            raise ValueError(f"batch is {batch}: give 1 to {MOST_AT_ONCE:,}")
        if attempts < 1:
            raise ValueError(f"attempts is {attempts}: give at least 1")
        return self._batches(iter(transactions), batch, reasons, request_id or uuid.uuid4().hex, attempts, patience)

    def health(self) -> dict[str, Any]:
        """`GET /health`. Raises: as `predict`."""
        _, document = self._connection.ask("GET", "/health")
        if not isinstance(document, dict):
            raise self._connection.another("no object")
        return document

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batches(
        self, left: Iterator[Transaction], batch: int, reasons: str, request_id: str, attempts: int, patience: float
    ) -> Iterator[Prediction]:
        for number in count():
            first = number * batch
            texts = [_json(transaction, place) for place, transaction in enumerate(islice(left, batch), first)]
            if not texts:
                return
            ask = partial(self._predict, f"[{','.join(texts)}]", len(texts), reasons, f"{request_id}/{number}")
            try:
                yield from _persistently(ask, attempts, patience)
            except Refused as refused:
                errors = [error | {"pointer": _moved(error["pointer"], first)} for error in refused.errors]
                raise Refused(refused.status, refused.detail, errors, refused.retry_after) from None

    def _predict(self, body: str, transactions: int, reasons: str, request_id: str) -> list[Prediction]:
        path = "/predict" if reasons == "alerts" else f"/predict?reasons={reasons}"
        told, answer = self._connection.ask("POST", path, body.encode(), {_REQUEST_ID: word(request_id, "request id")})
        answers = answer if isinstance(answer, list) else [answer]
        if len(answers) != transactions:
            raise self._connection.another(f"{len(answers)} answers to {transactions} transactions")
        try:
            return [_prediction(answer, told.get(_REQUEST_ID, request_id)) for answer in answers]
        except (KeyError, TypeError) as error:
            raise self._connection.another(repr(error)) from None


def _persistently(ask: Callable[[], list[Prediction]], attempts: int, patience: float) -> list[Prediction]:
    deadline = monotonic() + patience
    for attempt in range(1, attempts):
        try:
            return ask()
        except (Unreachable, Refused) as error:
            if isinstance(error, Refused) and error.status not in _BUSY:
                raise
            asked = (error.retry_after or 0.0) if isinstance(error, Refused) else 0.0
            longest = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
            # At random, so that clients that failed together don't come back together.
            pause = asked + longest * random.uniform(0.5, 1.0)  # noqa: S311
            if monotonic() + pause > deadline:
                raise
        sleep(pause)
    return ask()


def _json(transaction: Transaction, place: int = 0) -> str:
    # A row of a DataFrame has names, too, and is no Mapping.
    if hasattr(transaction, "keys"):
        named = dict(cast(Mapping[str, float], transaction))
    else:
        values = tuple(transaction)
        if len(values) != len(schema.FEATURES):
            raise ValueError(f"transaction {place} has {len(values)} values: give {len(schema.FEATURES)}, or name them")
        named = dict(zip(schema.FEATURES, values, strict=True))
    try:
        return json.dumps(named, allow_nan=False, default=float)
    except ValueError as error:
        raise ValueError(f"transaction {place}: {error}") from None


def _moved(pointer: str, first: int) -> str:
    """A JSON pointer into a batch, as one into all transactions."""
    return re.sub(r"^/([0-9]+)", lambda found: f"/{int(found[1]) + first}", pointer)


def _prediction(answer: Mapping[str, Any], request_id: str) -> Prediction:
    return Prediction(
        prediction=answer["prediction"],
        probability=answer["probability"],
        decision=answer["decision"],
        threshold=answer["threshold"],
        model=ModelName(**answer["model"]),
        warnings=tuple(Unusual(**warning) for warning in answer["warnings"]),
        reasons=tuple(Reason(**reason) for reason in answer["reasons"]),
        request_id=request_id,
    )
