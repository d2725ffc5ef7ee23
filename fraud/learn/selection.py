"""Which candidate wins, by average precision in cross-validation inside the training rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from imblearn.pipeline import Pipeline
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from fraud import schema
from fraud.dataset.split import Split
from fraud.features import prepare
from fraud.learn.candidates import Candidate
from fraud.learn.export import output


@dataclass
class Trial:
    """One candidate in cross-validation; `out_of_fold`, shape (n,), is its output for rows its fit has not seen.

    `average_precision` has one entry a fold, `seconds` is the time that its fits and scores took, added up.
    """

    candidate: Candidate
    out_of_fold: NDArray[np.float64]
    average_precision: list[float]
    seconds: float

    @property
    def score(self) -> float:
        return float(np.mean(self.average_precision))

    def record(self) -> dict[str, Any]:
        """What the artefacts keep of a trial."""
        return {
            "name": self.candidate.name,
            "description": self.candidate.description,
            "average_precision": self.score,
            "by_fold": self.average_precision,
            "seconds": round(self.seconds, 2),
        }


def cross_validate(
    candidates: Sequence[Candidate],
    frame: pd.DataFrame,
    folds: Sequence[Split],
    weight: float,
    seed: int,
    jobs: int,
    done: Callable[[], None] = lambda: None,
) -> list[Trial]:
    """Fit every candidate on each fold's training rows and score the others; `done` is called after each fit.

    Fits run side by side in `jobs` processes, each on one thread: the answer does not depend on how many there are, and
    two fits on a core each end sooner than one after the other on both.

    Args:
        frame: training rows of one protocol, all 31 columns.
        weight: what one legitimate row counts for in the average precision, a fraud counting 1.
    """
    prepared = {candidate.time: inputs(frame, candidate) for candidate in candidates}
    label = frame[schema.LABEL.name].to_numpy().astype(np.int8)
    work = [(candidate, fold) for candidate in candidates for fold in folds]
    scored = Parallel(n_jobs=min(jobs, len(work)), return_as="generator")(
        delayed(_out_of_fold)(candidate, *prepared[candidate.time], fold, seed) for candidate, fold in work
    )
    weights = np.where(label == 1, 1.0, weight)
    trials = {candidate.name: Trial(candidate, np.full(len(label), np.nan), [], 0.0) for candidate in candidates}
    for (candidate, fold), (answers, seconds) in zip(work, scored, strict=True):
        trial = trials[candidate.name]
        trial.out_of_fold[fold.test] = answers
        trial.average_precision.append(
            float(average_precision_score(label[fold.test], answers, sample_weight=weights[fold.test]))
        )
        trial.seconds += seconds
        done()
    return list(trials.values())


def fit(candidate: Candidate, prepared: NDArray[np.float32], label: NDArray[np.int8], seed: int) -> Pipeline:
    """Fit a candidate, on one thread wherever more would make its sums depend on their number."""
    with threadpool_limits(1):
        return candidate.build(seed).fit(prepared, label)


def inputs(frame: pd.DataFrame, candidate: Candidate) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """A candidate's input, shape (n, 30), and the labels, shape (n,)."""
    prepared = prepare(frame[list(schema.FEATURES)].to_numpy(), candidate.time)
    return prepared, frame[schema.LABEL.name].to_numpy().astype(np.int8)


def _out_of_fold(
    candidate: Candidate, prepared: NDArray[np.float32], label: NDArray[np.int8], fold: Split, seed: int
) -> tuple[NDArray[np.float64], float]:
    started = time.perf_counter()
    fitted = fit(candidate, prepared[fold.train], label[fold.train], seed)
    return output(candidate, fitted, prepared[fold.test]), time.perf_counter() - started
