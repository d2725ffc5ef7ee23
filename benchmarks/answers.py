"""Whether the servers answer right, before they are timed."""

import json
import pickle
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import payload
from fraud import schema
from fraud.api.predict import ARROW, JSON
from fraud.scorer import Scorer

# Legitimate ones of those that are asked, beside all frauds.
_LEGITIMATE = 200

_ID = "of-the-check"


def check_blog_post(url: str, sent: pd.DataFrame, forest: Path) -> None:
    """Raises: RuntimeError, it does not answer what its forest predicts."""
    sample = _sample(sent)
    expected = pickle.loads(forest.read_bytes()).predict(sample)
    for row, prediction in zip(sample.to_dict("records"), expected.tolist(), strict=True):
        _same(_ask(url, json.dumps(row).encode()), {"prediction": prediction})


def check(url: str, sent: pd.DataFrame, batch: NDArray[np.float64], scorer: Scorer) -> None:
    """Ask for single transactions and for a batch, shape (n, 30).

    Raises:
        RuntimeError: it does not answer what `Scorer` does, or not with reasons where they are due.
    """
    for row in _sample(sent).to_dict("records"):
        transaction = np.array([list(row.values())])
        answer = _ask(url, json.dumps(row).encode(), {"X-Request-ID": _ID})
        _same(answer, _expected(transaction, scorer)[0] | {"id": _ID})
    rows = pd.DataFrame(batch, columns=schema.FEATURES)
    listed = _ask(url, json.dumps(rows.to_dict("records")).encode())
    streamed = _answered(url, payload.stream(rows), {"Content-Type": ARROW})
    for answers in (listed, pa.ipc.open_stream(streamed).read_all().to_pylist()):
        for answer, expected in zip(answers, _expected(batch, scorer), strict=True):
            _same(answer, expected)


def _sample(sent: pd.DataFrame) -> pd.DataFrame:
    """All frauds, and some others."""
    fraud = sent[schema.LABEL.name] == 1
    return pd.concat([sent[fraud], sent[~fraud].iloc[:_LEGITIMATE]])[list(schema.FEATURES)]


def _expected(transactions: NDArray[np.float64], scorer: Scorer) -> list[dict[str, Any]]:
    scores = scorer.score(transactions)
    alerts = np.flatnonzero(scores.prediction)
    reasons = dict(zip(alerts.tolist(), scorer.reasons(transactions[alerts]), strict=True))
    return [
        {
            "prediction": int(scores.prediction[i]),
            "probability": float(scores.probability[i]),
            "decision": str(scores.decision[i]),
            "threshold": float(scores.threshold[i]),
            "reasons": [vars(reason) for reason in reasons.get(i, [])],
        }
        for i in range(len(transactions))
    ]


def _same(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    found = {name: answer.get(name) for name in expected}
    if found != expected:
        raise RuntimeError(f"a server answers {found}, and should answer {expected}")


def _ask(url: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
    return json.loads(_answered(url, body, {"Content-Type": JSON, **headers}))


def _answered(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=60)) as connection:
        connection.request("POST", parts.path, body, dict(headers))
        return connection.getresponse().read()
