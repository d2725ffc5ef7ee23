"""Curves and ranks of candidates that were judged on the same rows, as figures to draw."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from fraud.metrics.bands import bands
from fraud.metrics.classification import Floats
from fraud.metrics.intervals import band, resamples

_FALSE_ALARMS = np.geomspace(1, 1_000, 25)

Curves = dict[str, dict[str, list[float]]]


def precision_recall(
    scores: Mapping[str, Floats], label: NDArray[np.int8], weight: float, draws: int, seed: int
) -> Curves:
    """Precision at 50 values of recall, each with a pointwise 95% interval, by the stratified bootstrap.

    It is the precision where, from the highest score downwards, the recall is first reached: the steps that average
    precision adds up, without interpolation.

    Args:
        scores: by candidate, shape (n,) in [0, 1], NaN for rows that are not judged, the same for each.
        label: shape (n,), 0 or 1.
        weight: what one legitimate row counts for, a fraud counting 1.

    Returns:
        by candidate, `recall`, `value`, `low` and `high`.
    """
    curves: Curves = {}
    for name, score in scores.items():
        rows = np.isfinite(score)
        curves[name] = bands(label[rows], score[rows], weight, draws, seed)["precision_recall"]
    return curves


def cost_curve(scores: Mapping[str, Floats], label: NDArray[np.int8], weight: float, draws: int, seed: int) -> Curves:
    """What frauds missed and false alarms cost together, as a share of the cost of having no model.

    A missed fraud costs as much as R false alarms, for 25 values of R; the threshold is then 1 / (1 + R), at which a
    calibrated probability makes both decisions equally dear, so nothing is tuned on the rows that judge.

    Sources: Drummond and Holte, "Cost curves: an improved method for visualizing classifier performance", 2006; Vickers
    and Elkin, "Decision curve analysis", 2006.

    Args:
        scores: by candidate, calibrated probabilities, shape (n,), NaN for rows that are not judged.
        label: shape (n,), 0 or 1.
        weight: what one legitimate row counts for, a fraud counting 1.

    Returns:
        by candidate, `false_alarms` (R), `value`, `low` and `high`.
    """
    rows = np.isfinite(next(iter(scores.values())))
    classes = [rows & (label == 0), rows & (label == 1)]
    alerts = {
        name: [(score[of, None] >= 1 / (1 + _FALSE_ALARMS)).astype(np.float64) for of in classes]
        for name, score in scores.items()
    }
    frauds = int(classes[1].sum())

    def cost(name: str, counts: Sequence[Floats]) -> Floats:
        false_alarms, found = (n @ alerted for n, alerted in zip(counts, alerts[name], strict=True))
        return np.asarray(1 - found / frauds + weight * false_alarms / (_FALSE_ALARMS * frauds))

    once = [np.ones((1, int(of.sum()))) for of in classes]
    drawn: dict[str, list[Floats]] = {name: [] for name in scores}
    for counts in resamples([np.zeros(int(of.sum()), np.intp) for of in classes], draws, seed):
        for name in scores:
            drawn[name].append(cost(name, counts))
    return {
        name: {"false_alarms": _FALSE_ALARMS.tolist(), **band(cost(name, once)[0], np.concatenate(drawn[name]))}
        for name in scores
    }


def critical_differences(by_fold: Mapping[str, Sequence[float]]) -> dict[str, Any] | None:
    """Mean ranks of candidates over folds, 1 being the best, and how far apart two must be to be told apart.

    Folds of one data set share training rows, so this describes and proves nothing: the paired intervals do.

    Source: Demšar, "Statistical comparisons of classifiers over multiple data sets", 2006: Friedman's test, and
    Nemenyi's critical difference at 95%.

    Args:
        by_fold: by candidate, its score in each fold, the higher the better.

    Returns:
        `ranks` by candidate from the best to the worst, `difference`, Friedman's `p`, and `groups` of candidates next
        to each other of which no two are told apart; `None` of fewer than three candidates or two folds.
    """
    scores = np.array(list(by_fold.values()))
    candidates, folds = scores.shape
    if candidates < 3 or folds < 2:
        return None
    mean = rankdata(-scores, axis=0).mean(axis=1)
    order = np.argsort(mean, kind="stable")
    names, sorted_ = [list(by_fold)[k] for k in order], mean[order]
    difference = float(studentized_range.ppf(0.95, candidates, np.inf) / np.sqrt(2)) * float(
        np.sqrt(candidates * (candidates + 1) / (6 * folds))
    )
    ends = [int(np.searchsorted(sorted_, rank + difference, "right")) for rank in sorted_]
    # A group that lies within the one before it says nothing more.
    longest = [k for k, (before, end) in enumerate(pairwise([0, *ends])) if end > before and end - k > 1]
    return {
        "ranks": dict(zip(names, sorted_.tolist(), strict=True)),
        "difference": difference,
        "p": float(friedmanchisquare(*scores).pvalue),
        "groups": [names[k : ends[k]] for k in longest],
    }
