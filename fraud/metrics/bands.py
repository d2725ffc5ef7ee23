"""The precision-recall and ROC curves with pointwise 95% bands, of a bootstrap stratified by class."""

import numpy as np
from numpy.typing import NDArray

from fraud.metrics.classification import Floats
from fraud.metrics.curves import Curve
from fraud.metrics.intervals import band

# Where they stand: recalls, and false-positive rates as a logarithmic axis shows them.
_RECALLS = np.linspace(0.02, 1, 50)
_RATES = np.geomspace(1e-5, 1, 61)

# A share of the grid may lie beside the share of the rows that it is, in the last digit.
_NEARLY = 1e-9


def bands(label: NDArray[np.int8], probability: Floats, weight: float, draws: int, seed: int) -> dict[str, Curve]:
    """Curves of n judged rows with their bands, a legitimate row counting `weight` and a fraud 1.

    Which of the rows between two frauds is drawn makes no difference to a curve, so that not rows are drawn but their
    number between each two frauds: multinomial, as drawing rows with replacement makes it.

    Returns:
        "precision_recall" with `value`, `low` and `high`, of the precision at the highest threshold that reaches each
        `recall`; "roc" with those of the highest true-positive rate within each `false_positive_rate`.
    """
    steps, frauds = np.unique(-probability[label == 1], return_counts=True)
    between = np.bincount(np.searchsorted(steps, -probability[label == 0]), minlength=len(steps) + 1)
    generator = np.random.default_rng(seed)
    # First the rows themselves, then the draws.
    found = np.vstack([frauds, _drawn(generator, frauds, draws)]).cumsum(axis=1)
    alarms = weight * np.vstack([between, _drawn(generator, between, draws)]).cumsum(axis=1)
    recall, rate = found / found[:, -1:], alarms / alarms[:, -1:]
    precision = found / np.where(found > 0, found + alarms[:, :-1], 1)
    # Nothing is found above the first fraud, which is all that a low rate may reach.
    reached = np.pad(recall, ((0, 0), (1, 0)))
    precisions = np.array([_at(recall[i], precision[i], _RECALLS) for i in range(1 + draws)])
    recalls = np.array([_within(rate[i], reached[i], _RATES) for i in range(1 + draws)])
    return {
        "precision_recall": {"recall": _RECALLS.tolist(), **band(precisions[0], precisions[1:])},
        "roc": {"false_positive_rate": _RATES.tolist(), **band(recalls[0], recalls[1:])},
    }


def _drawn(generator: np.random.Generator, counts: NDArray[np.intp], draws: int) -> NDArray[np.int64]:
    return generator.multinomial(counts.sum(), counts / counts.sum(), draws)


def _at(recall: Floats, precision: Floats, wanted: Floats) -> Floats:
    return precision[np.searchsorted(recall, wanted * (1 - _NEARLY))]


def _within(rate: Floats, reached: Floats, allowed: Floats) -> Floats:
    return reached[np.searchsorted(rate[:-1], allowed * (1 + _NEARLY), side="right")]
