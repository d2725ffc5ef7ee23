"""The recipe at work: from training rows to a calibrated model with its thresholds. It never sees another row."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud import schema
from fraud.bundle import Calibration, Thresholds, TrainingRange
from fraud.dataset import split
from fraud.dataset.split import Split
from fraud.features import prepare
from fraud.learn import calibration, candidates, threshold
from fraud.learn.candidates import REFERENCE, REFERENCE_THRESHOLD, Candidate, Model, registry
from fraud.learn.selection import Frame, Trial, cross_validate, inputs
from fraud.learn.tuning import tune
from fraud.settings import Settings


@dataclass(frozen=True)
class Fitted:
    """A fitted model with all that a bundle says beside it.

    `trials` are those of its cross-validation: its own, and one for each member of a blend.
    """

    model: Model
    calibration: Calibration | None
    thresholds: Thresholds
    features: dict[str, TrainingRange]
    selection: dict[str, Any]
    trials: tuple[Trial, ...] = ()

    def probability(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """What the model itself answers, shape (n,), before any export; `Class` is not read."""
        prepared = prepare(frame[list(schema.FEATURES)].to_numpy(), self.model.candidate.time)
        answered = self.model.output(prepared)
        return answered if self.calibration is None else self.calibration.apply(answered)


def fit(
    frame: pd.DataFrame,
    settings: Settings,
    weight: float,
    candidate: Candidate,
    done: Callable[[], None] = lambda: None,
) -> Fitted:
    """Calibrate the chosen candidate and choose its thresholds on out-of-fold scores, then fit it on all of `frame`.

    Args:
        frame: training rows, all 31 columns.
        weight: what one legitimate row counts for, a fraud counting 1.
        candidate: the chosen one, of log-odds.
        done: called after each of `steps(settings, candidate)` steps.
    """
    study, folds = cross_validation(frame, settings, weight, done)
    # Members are fitted for the blend anyway.
    trial, *members = cross_validate((candidate, *candidate.members), study, folds)
    prepared, label = inputs(frame, candidate)
    calibrated = calibration.choose(trial.out_of_fold, label, weight)
    probability = calibrated.calibration.apply(trial.out_of_fold)
    amount = frame[schema.AMOUNT.name].to_numpy(np.float64)
    thresholds, chosen = threshold.choose(probability, label, amount, weight, settings)
    model = candidates.fit(candidate, prepared, label, weight, settings.seed)
    done()
    return Fitted(
        model,
        calibrated.calibration,
        thresholds,
        _ranges(frame),
        {
            **chosen,
            "folds": settings.folds,
            "candidates": [trial.record()],
            "calibration": {"kind": calibrated.kind, "log_loss": calibrated.log_loss},
        },
        (trial, *members),
    )


def fit_logistic(
    frame: pd.DataFrame, settings: Settings, weight: float, done: Callable[[], None] = lambda: None
) -> Fitted:
    """Tune the logistic regression that the model is held to on `frame` alone, then fit it as `fit` does any candidate.

    Args:
        done: called after each of `logistic_steps(settings)` steps.
    """
    tuned = tune(registry()["logistic"], *cross_validation(frame, settings, weight))
    done()
    fitted = fit(frame, settings, weight, tuned, done)
    return replace(fitted, selection={"tuned": tuned.parameters, **fitted.selection})


def fit_reference(frame: pd.DataFrame, settings: Settings, done: Callable[[], None] = lambda: None) -> Fitted:
    """Fit the blog post's forest as it stands there: no selection, no calibration, more than half of the votes."""
    prepared, label = inputs(frame, REFERENCE)
    pipeline = REFERENCE.build(settings.seed).set_params(model__n_jobs=settings.jobs).fit(prepared, label)
    done()
    thresholds = Thresholds(review=REFERENCE_THRESHOLD, decline=None)
    model = Model(REFERENCE, (pipeline,))
    return Fitted(model, None, thresholds, _ranges(frame), {"rule": "more than half of the trees"})


def cross_validation(
    frame: pd.DataFrame, settings: Settings, weight: float, done: Callable[[], None] = lambda: None
) -> tuple[Frame, list[Split]]:
    """What `fit` cross-validates on: its training rows with their folds.

    Args:
        done: called after each fit, of which a candidate takes `fits(settings, candidate)`.
    """
    folds = list(split.folds(frame, settings.folds, settings.seed))
    return Frame(frame, weight, settings.seed, settings.jobs, done=done), folds


def fits(settings: Settings, candidate: Candidate) -> int:
    """How many fits its cross-validation takes."""
    return settings.folds * max(len(candidate.members), 1)


def steps(settings: Settings, candidate: Candidate) -> int:
    """How often `fit` calls `done`."""
    return fits(settings, candidate) + 1


def logistic_steps(settings: Settings) -> int:
    """How often `fit_logistic` calls `done`. Tuning is one step: it gives up some attempts, nobody knows how many."""
    return 1 + steps(settings, registry()["logistic"])


def _ranges(frame: pd.DataFrame) -> dict[str, TrainingRange]:
    columns = frame[list(schema.FEATURES)]
    low, median, high = columns.min(), columns.median(), columns.max()
    return {
        name: TrainingRange(low=float(low[name]), median=float(median[name]), high=float(high[name]))
        for name in schema.FEATURES
    }
