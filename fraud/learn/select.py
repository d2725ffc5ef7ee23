"""Choosing a candidate: successive halving in repeated cross-validation, and the cheapest of those that are as good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from fraud.dataset import split
from fraud.dataset.split import Split
from fraud.learn import calibration
from fraud.learn.candidates import Candidate
from fraud.learn.comparison import PROPER, RANKING, Compared, compare
from fraud.learn.selection import Frame, OutOfTimeError, Trial, cross_validate
from fraud.learn.tuning import tune
from fraud.metrics.intervals import Interval

_FINALISTS = 3
# Folds to tune on are dealt by another seed than those that judge what was tuned.
_TUNING = 1_000


@dataclass(frozen=True)
class Effort:
    """How much a selection spends: random folds, blocks of time, rungs, draws of the intervals."""

    folds: int = 5
    blocks: int = 3
    rungs: int = 3
    draws: int = 1_000


@dataclass(frozen=True)
class Finalist:
    """A candidate that reached the last rung, with its metrics and, paired, their difference to the cheapest one's."""

    candidate: Candidate
    size: int
    metrics: dict[str, Interval]
    difference: dict[str, Interval]


@dataclass(frozen=True)
class Choice:
    """What was chosen, among which candidates as they were tuned, the finalists by rising cost, and every trial.

    `complete` is false where time ran out before the last rung.
    """

    candidate: Candidate
    candidates: list[Candidate]
    finalists: list[Finalist]
    trials: dict[str, list[Trial]]
    complete: bool

    def record(self) -> dict[str, Any]:
        """What the artefacts keep of it."""
        return {
            "chosen": self.candidate.name,
            "complete": self.complete,
            "candidates": [candidate.model_dump(mode="json", exclude_defaults=True) for candidate in self.candidates],
            "finalists": [
                {"name": f.candidate.name, "bytes": f.size, "metrics": f.metrics, "difference": f.difference}
                for f in self.finalists
            ],
            "trials": {name: [trial.record() for trial in trials] for name, trials in self.trials.items()},
        }


def choose(candidates: Sequence[Candidate], frame: Frame, effort: Effort) -> Choice:
    """Choose among candidates by average precision, after those with ranges are tuned.

    Each rung cross-validates them on random folds, dealt anew, and forward through blocks of time, cut elsewhere; both
    count the same, and so do all rungs. After each rung the better half goes on, three after the last. Of these
    finalists the cheapest is chosen, unless a costlier one's log loss is lower by more than the paired 95% interval:
    of a few hundred frauds, the interval of a difference in average precision, which hangs on the few legitimate rows
    with the highest scores, tells hardly anything apart. The cost is the size of the exported graph, which the time
    that it takes follows and which is the same in every run.

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.

    Raises:
        OutOfTimeError: not even the first rung was finished by the deadline.
    """
    tuned = _tuned(candidates, frame, effort)
    left, complete = list(tuned), True
    trials: dict[str, list[Trial]] = {candidate.name: [] for candidate in left}
    for rung in range(effort.rungs):
        try:
            results = [trial for folds in deals(frame, effort, rung) for trial in cross_validate(left, frame, folds)]
        except OutOfTimeError:
            if rung == 0:
                raise
            complete, left = False, left[:_FINALISTS]
            break
        for trial in results:
            trials[trial.candidate.name].append(trial)
        score = {candidate.name: _score(trials[candidate.name], frame) for candidate in left}
        left.sort(key=lambda candidate: -score[candidate.name])
        left = left[: _FINALISTS if rung == effort.rungs - 1 else max(_FINALISTS, ceil(len(left) / 2))]
    by_cost = sorted(left, key=lambda candidate: _size(trials[candidate.name]))
    chosen = _cheapest_as_good([candidate.name for candidate in by_cost], trials, frame, effort.draws)
    finalists = [
        Finalist(c, _size(trials[c.name]), compared.metrics, compared.difference)
        for c, compared in zip(by_cost, _compared(by_cost, trials, frame, effort.draws), strict=True)
    ]
    return Choice(next(c for c in by_cost if c.name == chosen), tuned, finalists, trials, complete)


def deals(frame: Frame, effort: Effort, rung: int) -> list[list[Split]]:
    """The folds of a rung: the random ones, then the blocks of time where the rows allow any."""
    both = [
        list(split.folds(frame.rows, effort.folds, frame.seed + rung)),
        list(split.blocks(frame.rows, effort.blocks + rung)),
    ]
    return [folds for folds in both if folds]


def _tuned(candidates: Sequence[Candidate], frame: Frame, effort: Effort) -> list[Candidate]:
    """Each with its parameters tuned; a blend has those of its members that are candidates themselves."""
    folds = list(split.folds(frame.rows, effort.folds, frame.seed + _TUNING))
    made = {candidate.name: tune(candidate, frame, folds) for candidate in candidates}
    return [
        candidate.model_copy(update={"members": tuple(made.get(part.name, part) for part in candidate.members)})
        for candidate in made.values()
    ]


def _score(trials: Sequence[Trial], frame: Frame) -> float:
    label = frame.label
    weights = np.where(label == 1, 1.0, frame.weight)

    def one(standing: NDArray[np.float64]) -> float:
        rows = np.isfinite(standing)
        return float(average_precision_score(label[rows], standing[rows], sample_weight=weights[rows]))

    return float(np.mean([one(trial.standing) for trial in trials]))


def _cheapest_as_good(by_cost: Sequence[str], trials: Mapping[str, Sequence[Trial]], frame: Frame, draws: int) -> str:
    """Walk from the cheapest to the costliest; a costlier one takes over where it is better beyond its interval."""
    chosen = by_cost[0]
    probabilities = {name: [_probability(trial, frame) for trial in trials[name]] for name in by_cost}
    drawing = frame.label, frame.weight, draws, frame.seed
    for costlier in by_cost[1:]:
        pair = {name: probabilities[name] for name in (chosen, costlier)}
        if compare(pair, chosen, *drawing, PROPER)[costlier].difference["log_loss"]["high"] < 0:
            chosen = costlier
    return chosen


def _compared(
    finalists: Sequence[Candidate], trials: Mapping[str, Sequence[Trial]], frame: Frame, draws: int
) -> list[Compared]:
    """With the first: rankings by standing, and probabilities."""
    drawing = frame.label, frame.weight, draws, frame.seed
    standings = {c.name: [trial.standing for trial in trials[c.name]] for c in finalists}
    probabilities = {c.name: [_probability(trial, frame) for trial in trials[c.name]] for c in finalists}
    ranked = compare(standings, finalists[0].name, *drawing, RANKING)
    proper = compare(probabilities, finalists[0].name, *drawing, PROPER)
    return [
        Compared(
            {**ranked[c.name].metrics, **proper[c.name].metrics},
            {**ranked[c.name].difference, **proper[c.name].difference},
        )
        for c in finalists
    ]


def _probability(trial: Trial, frame: Frame) -> NDArray[np.float64]:
    """Calibrated fold by fold, each row by others than itself; NaN for rows that no fold judges."""
    probability = np.full(len(trial.fold), np.nan)
    for k in range(len(trial.average_precision)):
        rows = trial.fold == k
        probability[rows] = calibration.cross_fitted(trial.out_of_fold[rows], frame.label[rows], frame.weight)
    return probability


def _size(trials: Sequence[Trial]) -> int:
    """Of the first fit that it knows, a selectable candidate always having a graph."""
    return int(trials[0].size or 0)
