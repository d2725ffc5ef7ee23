"""Pointwise 95% bands of the precision-recall and ROC curves, of a bootstrap stratified by class."""

import numpy as np
from numpy.typing import NDArray

from fraud.metrics.classification import Floats
from fraud.metrics.curves import Curve

# Where the bands stand: recalls, and false-positive rates as a logarithmic axis shows them.
_RECALLS = np.linspace(0.02, 1, 50)
_RATES = np.geomspace(1e-5, 1, 61)

_ENDS = (0.025, 0.975)


def bands(label: NDArray[np.int8], probability: Floats, weight: float, draws: int, seed: int) -> dict[str, Curve]:
    """Bands of n judged rows, a legitimate row counting `weight` and a fraud 1.

    Which of the rows between two frauds is drawn makes no difference to a curve, so that not rows are drawn but their
    number between each two frauds: multinomial, as drawing rows with replacement makes it.

    Returns:
        "precision_recall" with `low` and `high`, of the precision at the highest threshold that reaches each `recall`;
        "roc" with those of the highest true-positive rate within each `false_positive_rate`.
    """
    steps, frauds = np.unique(-probability[label == 1], return_counts=True)
    between = np.bincount(np.searchsorted(steps, -probability[label == 0]), minlength=len(steps) + 1)
    generator = np.random.default_rng(seed)
    found = _drawn(generator, frauds, draws).cumsum(axis=1)
    alarms = weight * _drawn(generator, between, draws).cumsum(axis=1)
    recall, rate = found / found[:, -1:], alarms / alarms[:, -1:]
    precision = found / np.where(found > 0, found + alarms[:, :-1], 1)
    # Nothing is found above the first fraud, which is all that a low rate may reach.
    reached = np.pad(recall, ((0, 0), (1, 0)))
    precisions = np.array([_at(recall[i], precision[i], _RECALLS) for i in range(draws)])
    recalls = np.array([reached[i, np.searchsorted(rate[i, :-1], _RATES, side="right")] for i in range(draws)])
    return {
        "precision_recall": {"recall": _RECALLS.tolist(), **_band(precisions)},
        "roc": {"false_positive_rate": _RATES.tolist(), **_band(recalls)},
    }


def _drawn(generator: np.random.Generator, counts: NDArray[np.intp], draws: int) -> NDArray[np.int64]:
    return generator.multinomial(counts.sum(), counts / counts.sum(), draws)


def _at(recall: Floats, precision: Floats, wanted: Floats) -> Floats:
    # A recall that is wanted may lie above the share that it is, in the last digit.
    return precision[np.searchsorted(recall, wanted - 1e-9)]


def _band(drawn: Floats) -> Curve:
    low, high = np.quantile(drawn, _ENDS, axis=0)
    return {"low": low.tolist(), "high": high.tolist()}
