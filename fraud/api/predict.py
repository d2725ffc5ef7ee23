"""`POST /predict`: from transactions to decisions. One handler behind two doors, Flask's route and the lane."""

from collections.abc import Callable, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
import numpy as np
from flask import Blueprint, Flask, Response, current_app, request
from numpy.typing import NDArray
from werkzeug.http import parse_options_header

from fraud.api import arrow_decode, decode
from fraud.api.courtesy import ALONE, COURTESY, Courtesy
from fraud.api.problems import Refused
from fraud.api.reply import Environ, Reply, request_id
from fraud.api.unusual import Unusual
from fraud.scorer import Reason, Scorer, Scores

if TYPE_CHECKING:
    from fraud.api.arrow_encode import ArrowEncoder

# 10,000 transactions of 30 numbers with 17 digits and their names are 8 MB.
MOST_BYTES = 16 * 1024 * 1024

# Where a handler leaves the transactions and what its answer decided, for the log and the metrics.
TRANSACTIONS = "fraud.transactions"
DECIDED = "fraud.decided"

JSON, LINES, ARROW = "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"

Handler = Callable[[Environ], Reply]

_blueprint = Blueprint("predict", __name__)
_KEY = "fraud.predict"


def init_app(app: Flask, answer: Handler) -> None:
    app.extensions[_KEY] = answer
    app.register_blueprint(_blueprint)


def handler(app: Flask) -> Handler:
    """The handler that the application's route calls."""
    found: Handler = app.extensions[_KEY]
    return found


@_blueprint.post("/predict")
def predict() -> Response:
    """One transaction is answered with an object, many with as many, in their order and media type."""
    return handler(current_app)(request.environ).response()


class Predict:
    """Answers a request to `/predict` with what `scorer` says."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._unusual = Unusual(scorer.manifest)
        self._usual = decode.OneUsual(self._unusual.usual())
        self._names = {"version": scorer.manifest.version, "digest": scorer.manifest.digest}
        self._model = msgspec.Raw(msgspec.json.encode(self._names))

    @cached_property
    def _arrow(self) -> "ArrowEncoder":
        # What writes streams takes time to load, and most callers never ask for one.
        from fraud.api.arrow_encode import ArrowEncoder

        return ArrowEncoder(self._names)

    def __call__(self, environ: Environ) -> Reply:
        try:
            return self._reply(environ)
        except Refused as refused:
            return refused.reply(environ)

    def _reply(self, environ: Environ) -> Reply:
        media_type = _media_type(environ)
        _refuse_encoded(environ)
        everywhere = _reasons_everywhere(environ)
        text = _body(environ)
        if media_type == ARROW:
            answers = self._answers(arrow_decode.rows(text), everywhere, environ)
            return Reply(HTTPStatus.OK, ARROW, self._arrow.encode(*answers), {})
        if media_type == LINES:
            rows = decode.lines(text, _courtesy(environ))
            documents = self._documents(*self._answers(rows, everywhere, environ))
            return Reply(HTTPStatus.OK, LINES, _encoder.encode_lines(documents), {})
        transaction = self._usual(text)
        if transaction is not None:
            return self._one(transaction, everywhere, environ)
        rows, many = decode.json(text, _courtesy(environ))
        documents = self._documents(*self._answers(rows, everywhere, environ))
        if not many:
            documents[0].id = request_id(environ)
        return Reply(HTTPStatus.OK, JSON, _encoder.encode(documents if many else documents[0]) + b"\n", {})

    def _one(self, transaction: Sequence[float], everywhere: bool, environ: Environ) -> Reply:
        """What is asked most, without the arrays that make many quick and one slow."""
        score = environ[DECIDED] = self._scorer.score_one(transaction)
        environ[TRANSACTIONS] = (transaction,)
        explained = everywhere or score.prediction
        reasons = self._scorer.reasons([transaction])[0] if explained else ()
        document = _Document(
            score.prediction,
            score.probability,
            score.decision,
            score.threshold,
            self._model,
            (),
            reasons,
            request_id(environ),
        )
        return Reply(HTTPStatus.OK, JSON, _encoder.encode(document) + b"\n", {})

    def _answers(
        self, rows: NDArray[np.float64], everywhere: bool, environ: Environ
    ) -> tuple[Scores, dict[int, list[dict[str, Any]]], dict[int, list[Reason]]]:
        """To transactions, shape (n, 30): their scores; by row, in order, warnings of what is unusual, and the reasons.

        Those that are not approved come with reasons, or all of them.
        """
        courtesy = _courtesy(environ)
        scores = self._scorer.score(rows, courtesy.pieces)
        environ[TRANSACTIONS], environ[DECIDED] = rows, scores
        explained = np.arange(len(rows)) if everywhere else np.flatnonzero(scores.prediction)
        reasons = [
            reason
            for piece in courtesy.pieces(len(explained))
            for reason in self._scorer.reasons(rows[explained[piece]])
        ]
        return scores, dict(self._unusual.warnings(rows)), dict(zip(explained.tolist(), reasons, strict=True))

    def _documents(
        self, scores: Scores, warnings: dict[int, list[dict[str, Any]]], reasons: dict[int, list[Reason]]
    ) -> list["_Document"]:
        columns = (scores.prediction, scores.probability, scores.decision, scores.threshold)
        return [
            _Document(
                prediction, probability, decision, threshold, self._model, warnings.get(row, ()), reasons.get(row, ())
            )
            for row, (prediction, probability, decision, threshold) in enumerate(
                zip(*(column.tolist() for column in columns), strict=True)
            )
        ]


class _Document(msgspec.Struct, omit_defaults=True, gc=False):
    """One answer as JSON has it; the id of the request where it is the only one."""

    prediction: int
    probability: float
    decision: str
    threshold: float
    model: msgspec.Raw
    warnings: Sequence[dict[str, Any]]
    reasons: Sequence[Reason]
    id: str | None = None


_encoder = msgspec.json.Encoder()


def _courtesy(environ: Environ) -> Courtesy:
    found: Courtesy = environ.get(COURTESY, ALONE)
    return found


def _media_type(environ: Environ) -> str:
    stated: str = environ.get("CONTENT_TYPE") or ""
    if stated == JSON:
        return JSON
    found = parse_options_header(stated)[0].lower()
    if found in (LINES, ARROW):
        return found
    if found == JSON or (found.startswith("application/") and found.endswith("+json")):
        return JSON
    raise Refused(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"Send a transaction as JSON, with 'Content-Type: {JSON}'; many as a list, one a line with '{LINES}', or as "
        f"an Arrow stream with '{ARROW}'.",
    )


def _refuse_encoded(environ: Environ) -> None:
    """What a few bytes unpack to has no bound that the sender's length would tell."""
    if environ.get("HTTP_CONTENT_ENCODING", "").lower() not in ("", "identity"):
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Send the body as it is, without 'Content-Encoding'.",
            headers={"Accept-Encoding": "identity"},
        )


def _reasons_everywhere(environ: Environ) -> bool:
    query = environ.get("QUERY_STRING")
    if not query:
        return False
    asked = parse_qs(query, keep_blank_values=True)
    if asked.keys() != {"reasons"} or asked["reasons"] not in (["always"], ["alerts"]):
        raise Refused(HTTPStatus.BAD_REQUEST, "The address takes one question: ?reasons=always, or ?reasons=alerts.")
    return asked["reasons"] == ["always"]


def _body(environ: Environ) -> bytes:
    stated = environ.get("CONTENT_LENGTH") or ""
    # A body without a length ends where the server says so.
    length = int(stated) if stated.isdecimal() else None
    if length is None:
        text = _most(environ["wsgi.input"], MOST_BYTES + 1) if environ.get("wsgi.input_terminated") else b""
    else:
        text = _most(environ["wsgi.input"], length) if length <= MOST_BYTES else b""
    if (len(text) if length is None else length) > MOST_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {MOST_BYTES:,} bytes.")
    if length is not None and len(text) < length:
        raise Refused(HTTPStatus.BAD_REQUEST, f"The body ended after {len(text):,} of its {length:,} bytes.")
    return text


def _most(stream: Any, size: int) -> bytes:
    """Up to `size` bytes of it: one reading may give fewer than there are."""
    pieces = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
