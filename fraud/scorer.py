"""`Scorer`: the one way from transactions to probability, decision and reasons."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fraud import bundle, schema
from fraud.errors import UsageError
from fraud.features import prepare

# A batch of this many rows keeps the working memory in tens of megabytes.
_BATCH = 65_536

_REASONS = 3

# The second and the third are predictions of 1.
_DECISIONS = np.array(["approve", "review", "decline"])

_AMOUNT = schema.FEATURES.index(schema.AMOUNT.name)


@dataclass(frozen=True)
class Scores:
    """Answers for n transactions, each array of shape (n,)."""

    probability: NDArray[np.float64]
    prediction: NDArray[np.int8]
    decision: NDArray[np.str_]
    threshold: NDArray[np.float64]


@dataclass(frozen=True)
class Reason:
    """How far one feature's value moved one answer: `contribution` in log-odds, above 0 towards fraud."""

    feature: str
    value: float
    contribution: float


class Scorer:
    """Scores transactions with a bundle.

    Args:
        folder: the bundle.
        threads: that one call may use; 1 is right for a server with several workers.

    Raises:
        UsageError: the bundle was changed, or its model can't be run here.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        read = bundle.read(folder)
        self.manifest = read.manifest
        self._session = _session(read.model, threads, folder)
        self._medians = np.array([read.manifest.features[name].median for name in schema.FEATURES])

    def score(self, transactions: ArrayLike) -> Scores:
        """Score raw transactions, shape (n, 30), columns as in `schema.FEATURES`.

        Raises:
            ValueError: the shape is another, a value is not finite, or one is so large that the model has no answer.
        """
        probability = self.probability(transactions)
        review, decline = self.manifest.thresholds.applied(np.asarray(transactions, dtype=np.float64)[:, _AMOUNT])
        prediction, declined = (probability >= review).astype(np.int8), probability >= decline
        return Scores(probability, prediction, _DECISIONS[prediction + declined], np.where(declined, decline, review))

    def probability(self, transactions: ArrayLike) -> NDArray[np.float64]:
        """The calibrated probability of fraud, shape (n,)."""
        raw = self._run(transactions)
        calibration = self.manifest.calibration
        return raw.astype(np.float64) if calibration is None else calibration.apply(raw)

    def reasons(self, transaction: ArrayLike, most: int = _REASONS) -> list[Reason]:
        """The features that moved one transaction's score most, strongest first.

        A contribution is the log-odds of the transaction less those of the same transaction with that one feature at
        its median over the training rows (occlusion: Zeiler and Fergus, "Visualizing and understanding convolutional
        networks", 2014).

        Args:
            transaction: shape (30,).
            most: how many to name; those that move nothing are left out.
        """
        row = np.asarray(transaction, dtype=np.float64).reshape(len(schema.FEATURES))
        without = np.tile(row, (len(row) + 1, 1))
        np.fill_diagonal(without[1:], self._medians)
        log_odds = self._log_odds(without)
        contribution = log_odds[0] - log_odds[1:]
        strongest = np.argsort(-np.abs(contribution), kind="stable")[:most]
        return [
            Reason(schema.FEATURES[i], float(row[i]), float(contribution[i])) for i in strongest if contribution[i] != 0
        ]

    def _log_odds(self, transactions: NDArray[np.float64]) -> NDArray[np.float64]:
        calibration = self.manifest.calibration
        raw = self._run(transactions).astype(np.float64)
        if calibration is not None:
            return calibration.log_odds(raw)
        clipped = np.clip(raw, 1e-6, 1 - 1e-6)
        return np.log(clipped / (1 - clipped))

    def _run(self, transactions: ArrayLike) -> NDArray[np.float32]:
        """The model's own output, log-odds or probability, shape (n,)."""
        prepared = prepare(transactions, self.manifest.time)
        outputs = [
            self._session.run(None, {"transactions": prepared[start : start + _BATCH]})[0].reshape(-1)
            for start in range(0, len(prepared), _BATCH)
        ]
        answers = np.concatenate(outputs) if outputs else np.empty(0, np.float32)
        if not np.isfinite(answers).all():
            unanswered = int(np.argmin(np.isfinite(answers)))
            raise ValueError(f"the model has no answer for transaction {unanswered}: its values are too large")
        return answers


def _session(model: bytes, threads: int, folder: Path) -> Any:
    # onnxruntime's wheel reports usage by default; it reads this when it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no public base class
        raise UsageError(f"{folder / bundle.MODEL} can't be run ({error}): run `make train` again") from None
