"""Tuning of a candidate's parameters by cross-validation, inside whatever rows it is given."""

from collections.abc import Iterator, Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial as Attempt
from optuna.trial import TrialState

from fraud.dataset.split import Split
from fraud.learn import calibration
from fraud.learn.candidates import Candidate, Range
from fraud.learn.selection import Frame, cross_validate

# Attempts that are asked for at once: more than one, that their fits run side by side; not as many as there are
# processes, which would make the result depend on the machine.
_ABREAST = 4
# Standard errors.
_TWO_SIDED_95 = 1.96


def tune(candidate: Candidate, frame: Frame, folds: Sequence[Split]) -> Candidate:
    """The candidate, one of log-odds, with the parameters within its ranges of the least log loss, the mean over folds.

    Log loss, since every row adds to it: average precision hangs on the few legitimate rows with the highest scores,
    and follows chance where parameters differ little. It is that of the calibrated answers, so that nothing is gained
    or lost by a scale or a shift, which calibration mends anyway.

    The parameters that it has are the first attempt, and stay unless the best of the others is better by more than the
    paired 95% interval of the difference over rows: the best of many is so by chance, too. The others are drawn by a
    tree-structured Parzen estimator; one that after a fold lies above the median of those before it is given up.
    Nothing but `frame.rows` is looked at, and one seed gives one result. A repetition finds the fits in the frame's
    store: that is how a killed one goes on.

    Source: Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", 2019.

    Raises:
        OutOfTimeError: the deadline came first.
    """
    if not candidate.search:
        return candidate
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=frame.seed, n_startup_trials=_ABREAST),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_ABREAST),
    )
    study.enqueue_trial({name: candidate.parameters[name] for name in candidate.search})
    spaces = {name: _distribution(values) for name, values in candidate.search.items()}
    losses: dict[int, list[NDArray[np.float64]]] = {}
    for size in _batches(candidate.attempts):
        losses |= _try(candidate, [study.ask(spaces) for _ in range(size)], study, frame, folds)
    as_it_stands, best = (np.concatenate(losses[number]) for number in (0, study.best_trial.number))
    gain = as_it_stands - best
    better = gain.sum() > _TWO_SIDED_95 * np.sqrt(len(gain)) * gain.std()
    return _with(candidate, study.best_trial.params if better else {})


def _try(
    candidate: Candidate, attempts: Sequence[Attempt], study: optuna.Study, frame: Frame, folds: Sequence[Split]
) -> dict[int, list[NDArray[np.float64]]]:
    """What each attempt loses by each row, fold by fold until it was given up."""
    losses: dict[int, list[NDArray[np.float64]]] = {attempt.number: [] for attempt in attempts}
    left = list(attempts)
    for k, fold in enumerate(folds):
        # Each has a name of its own, by which its fits are told apart.
        tried = [_with(candidate, attempt.params, f"{candidate.name} {attempt.number}") for attempt in left]
        for attempt, trial in zip(left, cross_validate(tried, frame, [fold]), strict=True):
            losses[attempt.number].append(_losses(trial.out_of_fold[fold.test], frame.label[fold.test], frame.weight))
            attempt.report(_mean(losses[attempt.number]), k)
        last = k == len(folds) - 1
        given_up = [] if last else [attempt for attempt in left if attempt.should_prune()]
        for attempt in given_up:
            study.tell(attempt, state=TrialState.PRUNED)
        left = [attempt for attempt in left if attempt not in given_up]
        if not left:
            return losses
    for attempt in left:
        study.tell(attempt, _mean(losses[attempt.number]))
    return losses


def _losses(log_odds: NDArray[np.float64], label: NDArray[np.int8], weight: float) -> NDArray[np.float64]:
    """Each row's share of the fold's weighted log loss, which is their sum; shape (n,)."""
    # Fitted on the same rows: two numbers, of which every attempt has its own, favour none.
    probability = calibration.platt(log_odds, label, weight).apply(log_odds)
    weights = np.where(label == 1, 1.0, weight)
    # A certainty that was wrong costs much, not everything.
    right = np.clip(np.where(label == 1, probability, 1 - probability), np.finfo(np.float64).eps, None)
    return np.asarray(-weights / weights.sum() * np.log(right))


def _mean(folds: Sequence[NDArray[np.float64]]) -> float:
    return float(np.mean([losses.sum() for losses in folds]))


def _with(candidate: Candidate, found: dict[str, float], name: str | None = None) -> Candidate:
    parameters = {**candidate.parameters, **found}
    return candidate.model_copy(update={"name": name or candidate.name, "parameters": parameters, "search": {}})


def _batches(attempts: int) -> Iterator[int]:
    return (min(_ABREAST, attempts - start) for start in range(0, attempts, _ABREAST))


def _distribution(values: Range) -> BaseDistribution:
    if isinstance(values.low, int) and isinstance(values.high, int):
        return IntDistribution(values.low, values.high, log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)
