"""Tuning of a candidate's parameters by cross-validation, inside whatever rows it is given."""

from collections.abc import Iterator, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial as Attempt
from optuna.trial import TrialState

from fraud.dataset.split import Split
from fraud.learn.candidates import Candidate, Range
from fraud.learn.selection import Frame, cross_validate

# Attempts that are asked for at once: more than one, that their fits run side by side; not as many as there are
# processes, which would make the result depend on the machine.
_ABREAST = 4


def tune(candidate: Candidate, frame: Frame, folds: Sequence[Split]) -> Candidate:
    """The candidate with the parameters, within its ranges, of the highest average precision, the mean over folds.

    The parameters that it has are the first attempt. The others are drawn by a tree-structured Parzen estimator; one
    that after a fold lies below the median of those before it is given up. Nothing but `frame.rows` is looked at, and
    one seed gives one result. A repetition finds the fits in the frame's store: that is how a killed one goes on.

    Source: Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", 2019.

    Raises:
        OutOfTimeError: the deadline came first.
    """
    if not candidate.search:
        return candidate
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=frame.seed, n_startup_trials=_ABREAST),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_ABREAST),
    )
    study.enqueue_trial({name: candidate.parameters[name] for name in candidate.search})
    spaces = {name: _distribution(values) for name, values in candidate.search.items()}
    for size in _batches(candidate.attempts):
        _try(candidate, [study.ask(spaces) for _ in range(size)], study, frame, folds)
    return _with(candidate, study.best_trial.params)


def _try(
    candidate: Candidate, attempts: Sequence[Attempt], study: optuna.Study, frame: Frame, folds: Sequence[Split]
) -> None:
    scores: dict[int, list[float]] = {attempt.number: [] for attempt in attempts}
    left = list(attempts)
    for k, fold in enumerate(folds):
        # Each has a name of its own, by which its fits are told apart.
        tried = [_with(candidate, attempt.params, f"{candidate.name} {attempt.number}") for attempt in left]
        for attempt, trial in zip(left, cross_validate(tried, frame, [fold]), strict=True):
            scores[attempt.number] += trial.average_precision
            attempt.report(float(np.mean(scores[attempt.number])), k)
        last = k == len(folds) - 1
        given_up = [] if last else [attempt for attempt in left if attempt.should_prune()]
        for attempt in given_up:
            study.tell(attempt, state=TrialState.PRUNED)
        left = [attempt for attempt in left if attempt not in given_up]
        if not left:
            return
    for attempt in left:
        study.tell(attempt, float(np.mean(scores[attempt.number])))


def _with(candidate: Candidate, found: dict[str, float], name: str | None = None) -> Candidate:
    parameters = {**candidate.parameters, **found}
    return candidate.model_copy(update={"name": name or candidate.name, "parameters": parameters, "search": {}})


def _batches(attempts: int) -> Iterator[int]:
    return (min(_ABREAST, attempts - start) for start in range(0, attempts, _ABREAST))


def _distribution(values: Range) -> BaseDistribution:
    if isinstance(values.low, int) and isinstance(values.high, int):
        return IntDistribution(values.low, values.high, log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)
