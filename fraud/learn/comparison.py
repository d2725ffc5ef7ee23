"""Paired comparison of cross-validated candidates, on the same rows and the same draws."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.learn.selection import Trial
from fraud.metrics.classification import judge
from fraud.metrics.intervals import Interval, bootstrap, interval, values


def differences(
    trials: Mapping[str, Sequence[Trial]],
    champion: str,
    label: NDArray[np.int8],
    weight: float,
    draws: int,
    seed: int,
) -> dict[str, dict[str, Interval]]:
    """Every candidate less the champion, by metric of its ranking, with a 95% interval.

    Each repeat of the cross-validation is one ranking of all its rows; what is compared is the mean over the repeats.
    The interval says what other rows would have given, not what other folds would: those are averaged out.

    Args:
        trials: by candidate, one trial for each repeat, over the same repeats.
        champion: the candidate that the others are compared with.
        label: shape (n,), 0 or 1.
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    averaged = {name: _means(repeats, label, weight, draws, seed) for name, repeats in trials.items()}
    value, drawn = averaged[champion]
    return {
        name: {metric: interval(mine[metric] - value[metric], draws_of[metric] - drawn[metric]) for metric in RANKING}
        for name, (mine, draws_of) in averaged.items()
        if name != champion
    }


def rankings(
    repeats: Sequence[Trial], label: NDArray[np.int8], weight: float, draws: int, seed: int
) -> dict[str, Interval]:
    """The metrics of a candidate's ranking, averaged over its repeats, each with a 95% interval."""
    value, drawn = _means(repeats, label, weight, draws, seed)
    return {metric: interval(value[metric], drawn[metric]) for metric in RANKING}


# What a ranking alone decides; the others need probabilities and a threshold.
RANKING = ("average_precision", "roc_auc", "recall_at_fpr_0.01", "recall_at_alert_rate_0.001")


def _means(
    repeats: Sequence[Trial], label: NDArray[np.int8], weight: float, draws: int, seed: int
) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    judged: dict[str, Any] = {}
    for k, trial in enumerate(repeats):
        # Rows of the first block by time are judged by no fold.
        rows = np.isfinite(trial.out_of_fold)
        rank = np.unique(trial.out_of_fold[rows], return_inverse=True)[1]
        judged[str(k)] = judge(label[rows], rank / max(rank.max(), 1), np.zeros(int(rows.sum()), np.int8))
    drawn = bootstrap(judged, weight, draws, seed)
    every = [values(model, weight) for model in judged.values()]
    return (
        {metric: float(np.mean([one[metric] for one in every])) for metric in RANKING},
        {metric: np.mean([drawn[name][metric] for name in judged], axis=0) for metric in RANKING},
    )
