"""The nested study: what selection is worth on rows that had no part in it, beside fixed models on the same folds.

Outer folds judge. Inside the training rows of each, the whole selection is run anew, with its tuning, and its winner is
fitted on all of them; every other candidate is fitted on the same rows. All are calibrated there too, on inner folds:
so the estimate is of the whole procedure, with its chance of choosing badly included, and every comparison is paired.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from fraud.dataset import split
from fraud.dataset.split import Split
from fraud.learn import calibration
from fraud.learn.candidates import Candidate
from fraud.learn.comparison import PROPER, RANKING, compare
from fraud.learn.select import Effort, choose, deals
from fraud.learn.selection import Frame, Trial, cross_validate
from fraud.metrics.intervals import Interval

SELECTED = "selected"
# What `recipe.toml` holds, as it is written there.
RECIPE = "recipe"

Protocol = Literal["random", "chronological"]

# A forest's 0 and 1 are rounded votes.
_LEAST_VOTE = 1e-4


@dataclass(frozen=True)
class Plan:
    """How much is spent: rounds of outer folds, blocks of time, the selection inside each, draws of the intervals."""

    folds: int = 5
    rounds: int = 1
    blocks: int = 4
    inner: Effort = field(default_factory=lambda: Effort(folds=3, blocks=2, rungs=1, draws=500))
    draws: int = 1_000


@dataclass
class Outcome:
    """A candidate in one round of outer folds.

    `probability`, shape (n,), is calibrated on inner folds of the training rows, NaN where no fold judges, and `fold`,
    shape (n,), the number of that which does, else -1. The lists have one entry a fold; `size` is the graph's bytes.
    """

    candidate: Candidate
    probability: NDArray[np.float64]
    fold: NDArray[np.intp]
    average_precision: list[float] = field(default_factory=list)
    fit_seconds: list[float] = field(default_factory=list)
    answer_seconds: list[float] = field(default_factory=list)
    size: int | None = None

    def add(self, trial: Trial, probability: NDArray[np.float64], rows: NDArray[np.intp]) -> None:
        """What one more fold gave for its rows."""
        self.probability[rows] = probability
        self.fold[rows] = len(self.average_precision)
        self.average_precision += trial.average_precision
        self.fit_seconds.append(trial.fit_seconds)
        self.answer_seconds.append(trial.answer_seconds / len(rows))
        self.size = trial.size


def nested(
    protocol: Protocol, selected_from: Sequence[Candidate], others: Sequence[Candidate], frame: Frame, plan: Plan
) -> dict[str, list[Outcome]]:
    """Outcomes of the selection, named `SELECTED`, and of every candidate: one for each round of a protocol.

    Raises:
        OutOfTimeError: the deadline came first; what was fitted is kept in the frame's store.
    """
    outcomes: dict[str, list[Outcome]] = {}
    for folds in _rounds(protocol, frame, plan):
        for name, outcome in _nested_round(selected_from, others, frame, folds, plan).items():
            outcomes.setdefault(name, []).append(outcome)
    return outcomes


def fixed(protocol: Protocol, candidates: Sequence[Candidate], frame: Frame, plan: Plan) -> dict[str, list[Outcome]]:
    """Outcomes of candidates in the first round of a protocol, with nothing selected or tuned."""
    folds = next(_rounds(protocol, frame, plan))
    return {name: [outcome] for name, outcome in _fixed_round(candidates, frame, folds, plan).items()}


def table(outcomes: Mapping[str, Sequence[Outcome]], frame: Frame, plan: Plan, against: str) -> list[dict[str, Any]]:
    """A row for each candidate: its metrics, their paired difference to the candidate `against`, and what it cost."""
    scores = {name: [outcome.probability for outcome in rounds] for name, rounds in outcomes.items()}
    compared = compare(scores, against, frame.label, frame.weight, plan.draws, frame.seed, (*RANKING, *PROPER))
    return [
        {
            "name": name,
            "description": rounds[0].candidate.description,
            "served": rounds[0].candidate.servable,
            "metrics": compared[name].metrics,
            "difference": compared[name].difference,
            "by_fold": [score for outcome in rounds for score in outcome.average_precision],
            "fit_seconds": float(np.mean([outcome.fit_seconds for outcome in rounds])),
            "answer_microseconds": 1e6 * float(np.mean([outcome.answer_seconds for outcome in rounds])),
            "bytes": rounds[0].size,
        }
        for name, rounds in outcomes.items()
    ]


def advantage(
    name: str, outcomes: Mapping[str, Sequence[Outcome]], frame: Frame, plan: Plan
) -> dict[str, dict[str, Interval]]:
    """By how much the candidate `name` is above each other one, metric by metric, paired."""
    scores = {other: [outcome.probability for outcome in rounds] for other, rounds in outcomes.items()}
    compared = compare(scores, name, frame.label, frame.weight, plan.draws, frame.seed, (*RANKING, *PROPER))
    return {
        other: {
            metric: {"value": -less["value"], "low": -less["high"], "high": -less["low"]}
            for metric, less in compared[other].difference.items()
        }
        for other in outcomes
        if other != name
    }


def learning_curve(
    candidate: Candidate, frame: Frame, plan: Plan, shares: Sequence[float] = (0.2, 0.4, 0.6, 0.8, 1.0)
) -> list[dict[str, Any]]:
    """Average precision against the number of frauds that train, on the outer folds of the random protocol."""
    label = frame.label
    folds = next(_rounds("random", frame, plan))
    order = np.random.default_rng(frame.seed).permutation(len(label))
    points = []
    for share in shares:
        # Smaller sets lie within larger ones, so that the curve is not bent by which frauds were drawn.
        kept = [Split(_some_frauds(fold.train, label, order, share), fold.test) for fold in folds]
        (outcome,) = _fixed_round((candidate,), frame, kept, plan).values()
        scores = {candidate.name: [outcome.probability]}
        found = compare(scores, candidate.name, label, frame.weight, plan.draws, frame.seed)[candidate.name]
        points.append(
            {
                "frauds": int(np.mean([label[fold.train].sum() for fold in kept])),
                **found.metrics["average_precision"],
            }
        )
    return points


def _rounds(protocol: Protocol, frame: Frame, plan: Plan) -> Iterator[list[Split]]:
    if protocol == "chronological":
        yield list(split.blocks(frame.rows, plan.blocks))
        return
    for k in range(plan.rounds):
        yield list(split.folds(frame.rows, plan.folds, frame.seed + k))


def _nested_round(
    selected_from: Sequence[Candidate], others: Sequence[Candidate], frame: Frame, folds: Sequence[Split], plan: Plan
) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    names = []
    for fold in folds:
        inside = _inside(frame, fold)
        choice = choose(selected_from, inside, plan.inner)
        inner = {name: trials[0] for name, trials in choice.trials.items()}
        inner |= _inner(others, inside, plan)
        trials = cross_validate([*choice.candidates, *others], frame, [fold])
        for trial in trials:
            name = trial.candidate.name
            probability = _calibrated(trial, inner[name], inside, fold)
            _add(outcomes, name, trial, probability, fold)
            if name == choice.candidate.name:
                _add(outcomes, SELECTED, trial, probability, fold)
                names.append(name)
        frame.judged()
    told = f"whichever the selection inside the training rows chooses: {', '.join(names)}"
    outcomes[SELECTED].candidate = Candidate(name=SELECTED, description=told)
    return {SELECTED: outcomes.pop(SELECTED), **outcomes}


def _fixed_round(
    candidates: Sequence[Candidate], frame: Frame, folds: Sequence[Split], plan: Plan
) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for fold in folds:
        inside = _inside(frame, fold)
        inner = _inner(candidates, inside, plan)
        for trial in cross_validate(candidates, frame, [fold]):
            name = trial.candidate.name
            _add(outcomes, name, trial, _calibrated(trial, inner[name], inside, fold), fold)
        frame.judged()
    return outcomes


def _inside(frame: Frame, fold: Split) -> Frame:
    """The training rows alone, as a frame of their own."""
    return replace(frame, rows=frame.rows.iloc[fold.train].reset_index(drop=True))


def _inner(candidates: Sequence[Candidate], inside: Frame, plan: Plan) -> dict[str, Trial]:
    """On the random folds that begin a selection."""
    folds = deals(inside, plan.inner, 0)[0]
    return {trial.candidate.name: trial for trial in cross_validate(candidates, inside, folds)}


def _calibrated(trial: Trial, inner: Trial, inside: Frame, fold: Split) -> NDArray[np.float64]:
    """Probabilities of the rows of an outer fold, by the calibration that its training rows' inner folds give."""
    fitted = calibration.fit(_log_odds(inner.candidate, inner.out_of_fold), inside.label, inside.weight)
    return fitted.apply(_log_odds(trial.candidate, trial.out_of_fold[fold.test]))


def _log_odds(candidate: Candidate, output: NDArray[np.float64]) -> NDArray[np.float64]:
    if candidate.output == "log-odds":
        return output
    return np.asarray(logit(np.clip(output, _LEAST_VOTE, 1 - _LEAST_VOTE)))


def _add(outcomes: dict[str, Outcome], name: str, trial: Trial, probability: NDArray[np.float64], fold: Split) -> None:
    rows = len(trial.out_of_fold)
    if name not in outcomes:
        outcomes[name] = Outcome(trial.candidate, np.full(rows, np.nan), np.full(rows, -1))
    outcomes[name].add(trial, probability, fold.test)


def _some_frauds(
    rows: NDArray[np.intp], label: NDArray[np.int8], order: NDArray[np.intp], share: float
) -> NDArray[np.intp]:
    frauds = rows[label[rows] == 1]
    kept = frauds[np.argsort(order[frauds], kind="stable")[: max(2, round(share * len(frauds)))]]
    return np.sort(np.concatenate([rows[label[rows] == 0], kept]))
