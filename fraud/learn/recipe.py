"""The recipe: from training rows to a fitted, calibrated model with its thresholds. It never sees another row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from imblearn.pipeline import Pipeline
from numpy.typing import NDArray

from fraud import schema
from fraud.bundle import Calibration, Thresholds, TrainingRange
from fraud.dataset import split
from fraud.features import prepare
from fraud.learn import calibration, selection, threshold
from fraud.learn.candidates import CANDIDATES, REFERENCE, REFERENCE_THRESHOLD, Candidate
from fraud.learn.export import output
from fraud.learn.selection import cross_validate, inputs
from fraud.settings import Settings


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline with all that a bundle says beside it."""

    candidate: Candidate
    pipeline: Pipeline
    calibration: Calibration | None
    thresholds: Thresholds
    features: dict[str, TrainingRange]
    selection: dict[str, Any]

    def probability(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """What the pipeline itself answers, shape (n,), before any export; `Class` is not read."""
        prepared = prepare(frame[list(schema.FEATURES)].to_numpy(), self.candidate.time)
        answered = output(self.candidate, self.pipeline, prepared)
        return answered if self.calibration is None else self.calibration.apply(answered)


def fit(frame: pd.DataFrame, settings: Settings, weight: float, done: Callable[[], None] = lambda: None) -> Fitted:
    """Select among the candidates, calibrate, choose the thresholds and refit the winner on all of `frame`.

    Args:
        frame: training rows, all 31 columns.
        weight: what one legitimate row counts for, a fraud counting 1.
        done: called after each of `steps(settings)` steps.
    """
    folds = list(split.folds(frame, settings.folds, settings.seed))
    trials = cross_validate(CANDIDATES, frame, folds, weight, settings.seed, settings.jobs, done)
    best = max(trials, key=lambda trial: trial.score)
    prepared, label = inputs(frame, best.candidate)
    calibrated = calibration.fit(best.out_of_fold, label, weight)
    probability = calibrated.apply(best.out_of_fold)
    amount = frame[schema.AMOUNT.name].to_numpy(np.float64)
    thresholds, chosen = threshold.choose(probability, label, amount, weight, settings)
    pipeline = selection.fit(best.candidate, prepared, label, settings.seed)
    done()
    return Fitted(
        best.candidate,
        pipeline,
        calibrated,
        thresholds,
        _ranges(frame),
        {
            **chosen,
            "folds": settings.folds,
            "candidates": [trial.record() for trial in trials],
        },
    )


def fit_reference(frame: pd.DataFrame, settings: Settings, done: Callable[[], None] = lambda: None) -> Fitted:
    """Fit the blog post's forest as it stands there: no selection, no calibration, more than half of the votes."""
    prepared, label = inputs(frame, REFERENCE)
    pipeline = REFERENCE.build(settings.seed).set_params(model__n_jobs=settings.jobs).fit(prepared, label)
    done()
    thresholds = Thresholds(review=REFERENCE_THRESHOLD, decline=None)
    return Fitted(REFERENCE, pipeline, None, thresholds, _ranges(frame), {"rule": "more than half of the trees"})


def steps(settings: Settings) -> int:
    """How often `fit` calls `done`."""
    return len(CANDIDATES) * settings.folds + 1


def _ranges(frame: pd.DataFrame) -> dict[str, TrainingRange]:
    columns = frame[list(schema.FEATURES)]
    low, median, high = columns.min(), columns.median(), columns.max()
    return {
        name: TrainingRange(low=float(low[name]), median=float(median[name]), high=float(high[name]))
        for name in schema.FEATURES
    }
