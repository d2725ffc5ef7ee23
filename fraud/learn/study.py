"""The nested study: what selection is worth on rows that had no part in it, beside fixed models on the same folds.

Outer folds judge. Inside the training rows of each, the whole selection is run anew, and its winner is fitted on all of
them; every other candidate is fitted on the same rows. So the estimate is of the procedure, with its chance of choosing
badly included, and every comparison is paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from fraud import schema
from fraud.dataset import split
from fraud.dataset.split import Split
from fraud.learn import calibration
from fraud.learn.candidates import Candidate
from fraud.learn.comparison import differences, rankings
from fraud.learn.select import choose
from fraud.learn.selection import Frame, Trial, cross_validate
from fraud.metrics.classification import judge
from fraud.metrics.intervals import bootstrap, interval, values

SELECTED = "selected"

Protocol = Literal["random", "chronological"]

PROPER = ("log_loss", "brier_score")


@dataclass(frozen=True)
class Plan:
    """How much is spent: outer folds of each protocol, inner folds and rungs of selection, draws of the intervals."""

    folds: int = 5
    blocks: int = 4
    inner_folds: int = 3
    rungs: int = 1
    draws: int = 500


def nested(
    protocol: Protocol,
    selected_from: Sequence[Candidate],
    others: Sequence[Candidate],
    frame: Frame,
    plan: Plan,
) -> dict[str, Trial]:
    """Trials of the selection, named `SELECTED`, and of every candidate on the outer folds of a protocol.

    Raises:
        OutOfTimeError: the deadline came first; what was fitted is kept in the frame's store.
    """
    folds = _outer(protocol, frame, plan)
    trials = {trial.candidate.name: trial for trial in cross_validate([*selected_from, *others], frame, folds)}
    return {SELECTED: _selected(selected_from, frame, folds, trials, plan), **trials}


def fixed(candidates: Sequence[Candidate], frame: Frame, plan: Plan) -> dict[str, Trial]:
    """Trials of candidates on the outer folds of the random protocol, with nothing selected."""
    return {trial.candidate.name: trial for trial in cross_validate(candidates, frame, _outer("random", frame, plan))}


def table(
    trials: Mapping[str, Trial], frame: Frame, plan: Plan, against: str, calibrated: bool
) -> list[dict[str, Any]]:
    """A row for each trial: its metrics, their paired difference to the trial `against`, and what it cost.

    Args:
        trials: by name, on the same folds.
        against: one of them.
        calibrated: whether proper scores are wanted: each row is calibrated on others of any time, which an order in
            time does not allow.
    """
    label, chance = frame.label, (frame.weight, plan.draws, frame.seed)
    paired = differences({name: [trial] for name, trial in trials.items()}, against, label, *chance)
    proper = _proper(trials, against, label, *chance) if calibrated else {name: ({}, {}) for name in trials}
    return [
        {
            "name": name,
            "description": trial.candidate.description,
            "served": trial.candidate.output == "log-odds" and not trial.candidate.engineered,
            "metrics": {**rankings([trial], label, *chance), **proper[name][0]},
            "difference": {**paired.get(name, {}), **proper[name][1]},
            "fit_seconds": trial.fit_seconds / len(trial.average_precision),
            "answer_microseconds": 1e6 * trial.answer_seconds / int(np.isfinite(trial.out_of_fold).sum()),
        }
        for name, trial in trials.items()
    ]


def learning_curve(
    candidate: Candidate, frame: Frame, plan: Plan, shares: Sequence[float] = (0.2, 0.4, 0.6, 0.8, 1.0)
) -> list[dict[str, Any]]:
    """Average precision against the number of frauds that train, on the outer folds of the random protocol."""
    label = frame.label
    folds = _outer("random", frame, plan)
    order = np.random.default_rng(frame.seed).permutation(len(label))
    points = []
    for share in shares:
        # Smaller sets lie within larger ones, so that the curve is not bent by which frauds were drawn.
        kept = [Split(_some_frauds(fold.train, label, order, share), fold.test) for fold in folds]
        (trial,) = cross_validate((candidate,), frame, kept)
        points.append(
            {
                "frauds": int(np.mean([label[fold.train].sum() for fold in kept])),
                **rankings([trial], label, frame.weight, plan.draws, frame.seed)["average_precision"],
            }
        )
    return points


def hardest(trials: Mapping[str, Trial], frame: Frame, most: int = 15) -> list[dict[str, Any]]:
    """The frauds that even the best candidate for each ranks lowest, by the share of legitimate rows above them.

    With each stands how many of its ten nearest rows, in standardised components, are frauds: a fraud among legitimate
    rows looks like them to any model of these columns.
    """
    label = frame.label
    legitimate = label == 0
    above = {}
    for name, trial in trials.items():
        ascending = np.sort(trial.out_of_fold[legitimate])
        above[name] = 1 - np.searchsorted(ascending, trial.out_of_fold, "right") / len(ascending)
    best = np.min(list(above.values()), axis=0)
    frauds = np.flatnonzero(label == 1)
    chosen = frauds[np.argsort(-best[frauds], kind="stable")[:most]]
    neighbours = _fraud_neighbours(frame, chosen)
    columns = frame.rows.iloc[chosen]
    return [
        {
            "row": int(row),
            "time": float(columns["Time"].iloc[k]),
            "amount": float(columns["Amount"].iloc[k]),
            "legitimate_above": {"best": float(best[row]), "selected": float(above[SELECTED][row])},
            "frauds_among_ten_nearest": int(neighbours[k]),
        }
        for k, row in enumerate(chosen)
    ]


def hindsight(trials: Mapping[str, Trial], frame: Frame, names: Sequence[str], steps: int = 4) -> dict[str, Any]:
    """The best blend of `names` that could have been known only afterwards: an upper bound, never an estimate.

    Every blend with weights in quarters (`steps`) is judged on the very rows that choose it.
    """
    label = frame.label
    margins = np.array([trials[name].out_of_fold for name in names])
    best: tuple[float, tuple[int, ...]] = (-1.0, ())
    weights = np.where(label == 1, 1.0, frame.weight)
    for shares in _compositions(len(names), steps):
        score = float(average_precision_score(label, np.array(shares) @ margins, sample_weight=weights))
        best = max(best, (score, shares))
    return {
        "average_precision": best[0],
        "weights": {name: share / steps for name, share in zip(names, best[1], strict=True) if share},
    }


def _outer(protocol: Protocol, frame: Frame, plan: Plan) -> list[Split]:
    if protocol == "random":
        return list(split.folds(frame.rows, plan.folds, frame.seed))
    return list(split.blocks(frame.rows, plan.blocks))


def _selected(
    candidates: Sequence[Candidate], frame: Frame, folds: Sequence[Split], trials: Mapping[str, Trial], plan: Plan
) -> Trial:
    """Selection inside each fold's training rows; the winner was fitted on all of them among the others."""
    names = []
    description = "whichever the selection inside the training rows chooses"
    selected = Trial(Candidate(name=SELECTED, description=description), np.full(len(frame.label), np.nan))
    for k, fold in enumerate(folds):
        inside = replace(frame, rows=frame.rows.iloc[fold.train].reset_index(drop=True))
        name = choose(candidates, inside, plan.inner_folds, plan.rungs, plan.draws).candidate.name
        names.append(name)
        selected.out_of_fold[fold.test] = trials[name].out_of_fold[fold.test]
        selected.average_precision.append(trials[name].average_precision[k])
        selected.fit_seconds += trials[name].fit_seconds / len(folds)
        selected.answer_seconds += trials[name].answer_seconds / len(folds)
    told = f"{description}: {', '.join(names)}"
    selected.candidate = selected.candidate.model_copy(update={"description": told})
    return selected


def _proper(
    trials: Mapping[str, Trial], against: str, label: NDArray[np.int8], weight: float, draws: int, seed: int
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Proper scores of calibrated probabilities, and their paired difference to the trial `against`."""
    judged = {}
    for name, trial in trials.items():
        probability = _calibrated(trial, label, weight, seed)
        judged[name] = judge(label, probability, np.zeros(len(label), np.int8))
    drawn, value = bootstrap(judged, weight, draws, seed), {name: values(j, weight) for name, j in judged.items()}
    other, other_drawn = value[against], drawn[against]
    return {
        name: (
            {m: interval(value[name][m], drawn[name][m]) for m in PROPER},
            {m: interval(value[name][m] - other[m], drawn[name][m] - other_drawn[m]) for m in PROPER}
            if name != against
            else {},
        )
        for name in judged
    }


def _calibrated(trial: Trial, label: NDArray[np.int8], weight: float, seed: int) -> NDArray[np.float64]:
    """Probabilities after Platt's calibration, each row's fitted on rows of another of five parts."""
    answered = trial.out_of_fold
    if trial.candidate.output == "probability":
        # A forest's 0 and 1 are rounded votes.
        clipped = np.clip(answered, 1e-4, 1 - 1e-4)
        answered = np.log(clipped / (1 - clipped))
    probability = np.empty(len(label))
    for rest, part in StratifiedKFold(5, shuffle=True, random_state=seed).split(label, label):
        probability[part] = calibration.fit(answered[rest], label[rest], weight).apply(answered[part])
    return probability


def _some_frauds(
    rows: NDArray[np.intp], label: NDArray[np.int8], order: NDArray[np.intp], share: float
) -> NDArray[np.intp]:
    frauds = rows[label[rows] == 1]
    kept = frauds[np.argsort(order[frauds], kind="stable")[: max(2, round(share * len(frauds)))]]
    return np.sort(np.concatenate([rows[label[rows] == 0], kept]))


def _fraud_neighbours(frame: Frame, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    components = StandardScaler().fit_transform(frame.rows[[column.name for column in schema.COMPONENTS]])
    _, nearest = NearestNeighbors(n_neighbors=11, algorithm="brute").fit(components).kneighbors(components[rows])
    return np.asarray(frame.label[nearest[:, 1:]].sum(axis=1), dtype=np.int64)


def _compositions(parts: int, total: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in _compositions(parts - 1, total - first)]
