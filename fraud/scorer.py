"""`Scorer`: the one way from transactions to probability, decision and reasons."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fraud import bundle, schema
from fraud.costs import DECISIONS
from fraud.errors import UsageError
from fraud.features import prepare
from fraud.graph import Graph

# Batches of so many rows keep the working memory in tens of megabytes; reasons take some thousand numbers a row.
_BATCH = 65_536
_BATCH_OF_REASONS = 1_024

# Of how many rows, which of them are computed at once, in order.
Pieces = Callable[[int], Iterable[slice]]

_REASONS = 3

_DECISIONS = np.array(DECISIONS)

_COLUMNS = len(schema.FEATURES)
_AMOUNT = schema.FEATURES.index(schema.AMOUNT.name)


@dataclass(frozen=True)
class Scores:
    """Answers for n transactions, each array of shape (n,)."""

    probability: NDArray[np.float64]
    prediction: NDArray[np.int8]
    decision: NDArray[np.str_]
    threshold: NDArray[np.float64]


class Score(NamedTuple):
    """The answer for one transaction, in Python's own numbers."""

    probability: float
    prediction: int
    decision: str
    threshold: float


@dataclass(frozen=True)
class Reason:
    """How far one feature's value moved one answer: `contribution` in calibrated log-odds, above 0 towards fraud."""

    feature: str
    value: float
    contribution: float


class Scorer:
    """Scores transactions with a bundle.

    Args:
        folder: the bundle.
        threads: that one call may use; 1 is right for a server with several workers.

    Raises:
        UsageError: the bundle was changed, or a graph of it can't be run here.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        read = bundle.read(folder)
        self.manifest = read.manifest
        self._model = Graph(read.model, 1, threads, folder / bundle.MODEL)
        self._explainer = (
            None if read.reasons is None else Graph(read.reasons, _COLUMNS, threads, folder / bundle.REASONS)
        )
        self._medians = np.array([read.manifest.features[name].median for name in schema.FEATURES])

    def score(self, transactions: ArrayLike, pieces: Pieces | None = None) -> Scores:
        """Score raw transactions, shape (n, 30), columns as in `schema.FEATURES`.

        Args:
            pieces: for who has something else to do between them; else so many that they fit into memory.

        Raises:
            ValueError: the shape is another, a value is not finite, or one is so large that the model has no answer.
        """
        probability = self.probability(transactions, pieces)
        review, decline = self.manifest.thresholds.applied(np.asarray(transactions, dtype=np.float64)[:, _AMOUNT])
        # The second of the decisions and the third are predictions of 1.
        prediction, declined = (probability >= review).astype(np.int8), probability >= decline
        return Scores(probability, prediction, _DECISIONS[prediction + declined], np.where(declined, decline, review))

    def score_one(self, transaction: Sequence[float]) -> Score:
        """`score` for one transaction, 30 of Python's numbers: the same to the last bit, in a third of the time.

        Raises:
            ValueError: as `score`.
        """
        raw = self._model.answer(transaction, self.manifest.time)
        calibration = self.manifest.calibration
        probability = raw if calibration is None else calibration.apply_one(raw)
        review, decline = map(float, self.manifest.thresholds.applied(np.asarray(transaction[_AMOUNT])))
        prediction, declined = probability >= review, probability >= decline
        return Score(probability, int(prediction), DECISIONS[prediction + declined], decline if declined else review)

    def probability(self, transactions: ArrayLike, pieces: Pieces | None = None) -> NDArray[np.float64]:
        """The calibrated probability of fraud, shape (n,)."""
        raw = self._answers(transactions, pieces)
        calibration = self.manifest.calibration
        return raw.astype(np.float64) if calibration is None else calibration.apply(raw)

    def contributions(self, transactions: ArrayLike) -> NDArray[np.float64]:
        """How far each feature moved the calibrated log-odds of each transaction, shape (n, 30), above 0 towards fraud.

        From a bundle with a graph of reasons they are exact: with the calibrated log-odds of the model's base they add
        up to those of the answer. Where calibration bends, each is scaled by its mean slope between the two. From one
        without they are an approximation that need not add up: see `_occluded`.

        Args:
            transactions: shape (n, 30).

        Raises:
            ValueError: as `score`.
        """
        raw = np.asarray(transactions, dtype=np.float64)
        if self._explainer is None:
            return self._occluded(raw)
        prepared = prepare(raw, self.manifest.time)
        moved = self._explainer.answers(prepared, _batches(len(raw), _BATCH_OF_REASONS)).astype(np.float64)
        base, calibration = self.manifest.reasons.base, self.manifest.calibration
        if base is None or calibration is None:
            return moved
        return moved * calibration.secant(base, base + moved.sum(axis=1))[:, None]

    def reasons(self, transactions: ArrayLike, most: int = _REASONS) -> list[list[Reason]]:
        """For each transaction the features that moved its answer most, strongest first, by their `contributions`.

        Args:
            transactions: shape (n, 30).
            most: how many to name; those that move nothing are left out.

        Raises:
            ValueError: as `score`.
        """
        raw = np.asarray(transactions, dtype=np.float64)
        moved = self.contributions(raw)
        strongest = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :most]
        return [
            [Reason(schema.FEATURES[i], float(row[i]), float(each[i])) for i in first if each[i] != 0]
            for row, each, first in zip(raw, moved, strongest, strict=True)
        ]

    def self_test(self) -> None:
        """Answer for the median transaction of the training, with its reasons.

        Raises:
            UsageError: there is no answer, or none that is a probability.
        """
        try:
            probability = self.score([self._medians]).probability[0]
            alone = self.score_one(self._medians.tolist()).probability
            self.reasons([self._medians])
        except Exception as error:  # onnxruntime's errors share no public base class
            reason = " ".join(str(error).split())
            raise UsageError(
                f"{self.manifest.version} does not answer ({reason}): remove that bundle and run `make train`"
            ) from error
        if alone != probability:
            raise UsageError(
                f"{self.manifest.version} answers {alone} and {probability}: remove that bundle and run `make train`"
            )
        if not 0 <= probability <= 1:
            raise UsageError(
                f"{self.manifest.version} answers {probability}, which is no probability: remove that bundle and run "
                "`make train`"
            )

    def _occluded(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log-odds of each transaction less those of the same one with one feature at its median over the training
        rows (Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014).
        """
        log_odds = self._log_odds(raw)[:, None]
        moved = np.empty((len(raw), _COLUMNS))
        every = np.arange(_COLUMNS)
        for rows in _batches(len(raw), _BATCH_OF_REASONS):
            without = np.tile(raw[rows, None], (1, _COLUMNS, 1))
            without[:, every, every] = self._medians
            moved[rows] = log_odds[rows] - self._log_odds(without.reshape(-1, _COLUMNS)).reshape(-1, _COLUMNS)
        return moved

    def _log_odds(self, transactions: NDArray[np.float64]) -> NDArray[np.float64]:
        calibration = self.manifest.calibration
        raw = self._answers(transactions).astype(np.float64)
        if calibration is not None:
            return calibration.log_odds(raw)
        clipped = np.clip(raw, 1e-6, 1 - 1e-6)
        return np.log(clipped / (1 - clipped))

    def _answers(self, transactions: ArrayLike, pieces: Pieces | None = None) -> NDArray[np.float32]:
        """The model's own output, log-odds or probability, shape (n,)."""
        prepared = prepare(transactions, self.manifest.time)
        count = len(prepared)
        return self._model.answers(prepared, _batches(count, _BATCH) if pieces is None else pieces(count))[:, 0]


def _batches(count: int, rows: int) -> Iterator[slice]:
    return (slice(start, start + rows) for start in range(0, count, rows))


def tried(folder: Path, manifest: bundle.Manifest) -> Scorer:
    """The scorer of a bundle, once it has answered.

    Args:
        manifest: of the bundle that was read in `folder`.

    Raises:
        UsageError: there is another one by now, it can't be run, or it does not answer.
    """
    scorer = Scorer(folder)
    if scorer.manifest != manifest:
        raise UsageError(f"{folder} was changed while it was read: try again")
    scorer.self_test()
    return scorer
