"""Choosing a candidate: successive halving in repeated cross-validation, and the cheapest of those that are as good."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from fraud.dataset import split
from fraud.learn.candidates import Candidate, fit
from fraud.learn.comparison import differences, rankings
from fraud.learn.export import to_graph
from fraud.learn.selection import Frame, OutOfTimeError, Trial, cross_validate, inputs
from fraud.metrics.intervals import Interval

_FINALISTS = 3


@dataclass(frozen=True)
class Finalist:
    """A candidate that reached the last rung: its metrics, its difference to the cheapest one, its graph's bytes."""

    candidate: Candidate
    repeats: int
    size: int
    metrics: dict[str, Interval]


@dataclass(frozen=True)
class Choice:
    """What was chosen, the finalists by rising cost, and every trial of every rung."""

    candidate: Candidate
    finalists: list[Finalist]
    trials: dict[str, list[Trial]]
    complete: bool

    def record(self) -> dict[str, Any]:
        """What the artefacts keep of it."""
        return {
            "chosen": self.candidate.name,
            "complete": self.complete,
            "finalists": [
                {"name": f.candidate.name, "repeats": f.repeats, "bytes": f.size, "metrics": f.metrics}
                for f in self.finalists
            ],
            "trials": {name: [trial.record() for trial in repeats] for name, repeats in self.trials.items()},
        }


def choose(candidates: Sequence[Candidate], frame: Frame, folds: int, repeats: int, draws: int) -> Choice:
    """Choose among candidates by average precision, in at most `repeats` rungs of `folds`-fold cross-validation.

    After each rung the better half goes on, three after the last; each rung deals new folds, and all of a candidate's
    rungs count. Of these finalists the cheapest is chosen, unless a costlier one's average precision is higher by more
    than the paired 95% interval. The cost is the size of the exported graph, which the time that it takes follows and
    which is the same in every run.

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.

    Raises:
        OutOfTimeError: not even the first rung was finished by the deadline.
    """
    trials: dict[str, list[Trial]] = {candidate.name: [] for candidate in candidates}
    left, complete = list(candidates), True
    for rung in range(repeats):
        dealt = list(split.folds(frame.rows, folds, frame.seed + rung))
        try:
            results = cross_validate(left, frame, dealt)
        except OutOfTimeError:
            if rung == 0:
                raise
            complete, left = False, left[:_FINALISTS]
            break
        for trial in results:
            trials[trial.candidate.name].append(trial)
        left.sort(key=lambda candidate: -_score(trials[candidate.name]))
        left = left[: _FINALISTS if rung == repeats - 1 else max(_FINALISTS, ceil(len(left) / 2))]
    finalists = sorted((_finalist(candidate, trials[candidate.name], frame, draws) for candidate in left), key=_size)
    return Choice(_cheapest_as_good(finalists, trials, frame, draws), finalists, trials, complete)


def _score(repeats: Sequence[Trial]) -> float:
    return sum(trial.score for trial in repeats) / len(repeats)


def _finalist(candidate: Candidate, repeats: Sequence[Trial], frame: Frame, draws: int) -> Finalist:
    prepared, label = inputs(frame.rows, candidate)
    size = len(to_graph(fit(candidate, prepared, label, frame.weight, frame.seed)))
    return Finalist(candidate, len(repeats), size, rankings(repeats, label, frame.weight, draws, frame.seed))


def _size(finalist: Finalist) -> int:
    return finalist.size


def _cheapest_as_good(
    finalists: Sequence[Finalist], trials: dict[str, list[Trial]], frame: Frame, draws: int
) -> Candidate:
    """Walk from the cheapest to the costliest; a costlier one takes over where it is better beyond its interval."""
    chosen = finalists[0].candidate
    for costlier in (finalist.candidate for finalist in finalists[1:]):
        pair = {name: trials[name] for name in (chosen.name, costlier.name)}
        paired = differences(pair, chosen.name, frame.label, frame.weight, draws, frame.seed)
        if paired[costlier.name]["average_precision"]["low"] > 0:
            chosen = costlier
    return chosen
