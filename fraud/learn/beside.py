"""The recipe on the folds of its training rows: beside its parts and others, and fitted on fewer of those rows."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.dataset.split import Split
from fraud.learn.comparison import Compared, compare
from fraud.learn.selection import Frame, Trial, cross_validate

# Of the rows that train, in the learning curve.
_SHARES = (0.125, 0.25, 0.5)

# Below so many a fit is a lottery, and a point of the curve tells which tickets it drew.
_LEAST_FRAUDS = 10

_METRIC = "average_precision"


def thinner(frame: Frame, folds: Sequence[Split]) -> list[list[Split]]:
    """The same folds with fewer training rows, share by share of both classes; what judges stays as it is.

    Smaller sets lie within larger ones, so that a curve over them is not bent by which rows were drawn.

    Returns:
        as many as leave enough frauds to learn from, the smallest share first.
    """
    label = frame.label
    order = np.random.default_rng(frame.seed).permutation(len(label))
    least = min(int(label[fold.train].sum()) for fold in folds)
    return [
        [Split(_thinned(fold.train, label, order, share), fold.test) for fold in folds]
        for share in _SHARES
        if share * least >= _LEAST_FRAUDS
    ]


def beside(
    trials: Sequence[Trial], frame: Frame, folds: Sequence[Split], thinned: Sequence[Sequence[Split]], draws: int
) -> dict[str, Any]:
    """What the training rows say of the recipe: all in one ranking of the same rows, with paired 95% intervals.

    Args:
        trials: in cross-validation on `folds`, that of the recipe first.
        thinned: the folds with fewer training rows, on which the recipe is fitted now.
        draws: of the intervals.

    Returns:
        "candidates", a record for each trial with its `average_precision` and the `difference` to the recipe's, which
        has none; "learning_curve", a point for each share of the rows and for all of them, or nothing where no share
        leaves enough frauds.
    """
    recipe = trials[0]
    fewer = [cross_validate((recipe.candidate,), frame, part)[0] for part in thinned]
    standing = {f"trial {k}": [trial.standing] for k, trial in enumerate(trials)}
    standing |= {f"fewer {k}": [trial.standing] for k, trial in enumerate(fewer)}
    compared = compare(standing, "trial 0", frame.label, frame.weight, draws, frame.seed, (_METRIC,))
    curve = [_point(part, frame, compared[f"fewer {k}"]) for k, part in enumerate(thinned)]
    return {
        "candidates": [{**trial.record(), **_worth(compared[f"trial {k}"])} for k, trial in enumerate(trials)],
        "learning_curve": [*curve, _point(folds, frame, compared["trial 0"])] if curve else [],
    }


def _thinned(
    rows: NDArray[np.intp], label: NDArray[np.int8], order: NDArray[np.intp], share: float
) -> NDArray[np.intp]:
    kept = []
    for value in (0, 1):
        of_class = rows[label[rows] == value]
        kept.append(of_class[np.argsort(order[of_class])[: math.ceil(share * len(of_class))]])
    return np.sort(np.concatenate(kept))


def _point(folds: Sequence[Split], frame: Frame, found: Compared) -> dict[str, Any]:
    label = frame.label
    return {
        "rows": round(np.mean([len(fold.train) for fold in folds])),
        "frauds": round(np.mean([label[fold.train].sum() for fold in folds])),
        **_worth(found),
    }


def _worth(found: Compared) -> dict[str, Any]:
    return {_METRIC: found.metrics[_METRIC], "difference": found.difference.get(_METRIC)}
