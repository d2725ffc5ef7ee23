"""`POST /predict`: from a transaction, or a list of them, to decisions."""

from dataclasses import asdict
from typing import Any

import numpy as np
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from numpy.typing import NDArray
from werkzeug.exceptions import UnsupportedMediaType

from fraud.api import body, model
from fraud.api.unusual import Unusual
from fraud.scorer import Scorer

_blueprint = Blueprint("predict", __name__)
_KEY = "fraud.answers"


def init_app(app: Flask, scorer: Scorer) -> None:
    app.extensions[_KEY] = Answers(scorer)
    app.register_blueprint(_blueprint)


@_blueprint.post("/predict")
def predict() -> Response:
    """One transaction is answered with an object, a list of them with a list in the same order."""
    if not request.is_json:
        raise UnsupportedMediaType("Send the transaction as JSON, with 'Content-Type: application/json'.")
    text = request.get_data(cache=False)
    # A body without a length that goes on beyond the limit was cut there, silently: one more read refuses it.
    request.stream.read(1)
    document = body.parse(text)
    answers: Answers = current_app.extensions[_KEY]
    made = answers.of(model.transactions(document))
    return jsonify(made if isinstance(document, list) else made[0])


class Answers:
    """From checked transactions to what a client reads."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._unusual = Unusual(scorer.manifest)
        self._model = {"version": scorer.manifest.version, "digest": scorer.manifest.digest}

    def of(self, transactions: NDArray[np.float64]) -> list[dict[str, Any]]:
        """One answer for each row of `transactions`, shape (n, 30); those that are not approved come with reasons."""
        scores = self._scorer.score(transactions)
        flagged = np.flatnonzero(scores.prediction)
        reasons = dict(zip(flagged.tolist(), self._scorer.reasons(transactions[flagged]), strict=True))
        return [
            {
                "prediction": int(prediction),
                "probability": float(probability),
                "decision": str(decision),
                "threshold": float(threshold),
                "model": self._model,
                "warnings": self._unusual.warnings(row),
                "reasons": [asdict(reason) for reason in reasons.get(k, [])],
            }
            for k, (row, prediction, probability, decision, threshold) in enumerate(
                zip(transactions, scores.prediction, scores.probability, scores.decision, scores.threshold, strict=True)
            )
        ]
