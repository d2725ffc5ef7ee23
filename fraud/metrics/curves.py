"""Points of the precision-recall, ROC and reliability curves, few enough to draw and exact where they stand."""

import numpy as np
from numpy.typing import NDArray

_POINTS = 200

# Fixed edges: bins that followed the judged rows' own scores would move with the labels that they are to judge.
_EDGES = (0.0001, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9)

Curve = dict[str, list[float]]


def curves(label: NDArray[np.int8], probability: NDArray[np.float64], weight: float) -> dict[str, Curve]:
    """Curves of n judged rows, a legitimate row counting `weight` and a fraud 1.

    Returns:
        "precision_recall" with `threshold`, `precision`, `recall`; "roc" with `threshold`, `false_positive_rate`,
        `true_positive_rate`; both at up to 200 thresholds, those where a fraud is found. "reliability" with, for
        each bin of probability that holds a row, the mean `predicted` probability, the `observed` share of frauds, and
        the counts of `frauds` and `legitimate` rows.
    """
    order, ends = descending(probability)
    scores = probability[order]
    found = np.cumsum(label[order] == 1)[ends].astype(np.float64)
    alarms = weight * np.cumsum(label[order] == 0)[ends]
    kept = peaks(found, _POINTS)
    recall = (found[kept] / found[-1]).tolist()
    return {
        "precision_recall": {
            "threshold": scores[ends[kept]].tolist(),
            "precision": (found[kept] / (found[kept] + alarms[kept])).tolist(),
            "recall": recall,
        },
        "roc": {
            "threshold": scores[ends[kept]].tolist(),
            "false_positive_rate": (alarms[kept] / alarms[-1]).tolist(),
            "true_positive_rate": recall,
        },
        "reliability": _reliability(label, probability, weight),
    }


def descending(probability: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order of the rows from the highest score down, and the last place in it of each distinct score."""
    order = np.argsort(-probability, kind="stable")
    return order, np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)


def peaks(found: NDArray[np.generic], most: int) -> NDArray[np.intp]:
    """Of falling thresholds the places where one more fraud is found, evenly thinned out to at most so many.

    Thresholds between two of them only add false alarms.

    Args:
        found: the frauds that are found at each threshold.
    """
    kept = np.flatnonzero(np.diff(found, prepend=0) > 0)
    thinned: NDArray[np.intp] = kept[np.linspace(0, len(kept) - 1, min(most, len(kept))).round().astype(int)]
    return thinned


def _reliability(label: NDArray[np.int8], probability: NDArray[np.float64], weight: float) -> Curve:
    bins = len(_EDGES) + 1
    index = np.searchsorted(_EDGES, probability, side="right")
    frauds = np.bincount(index, label, bins)
    legitimate = np.bincount(index, 1 - label, bins)
    weights = np.where(label == 1, 1.0, weight)
    total = np.bincount(index, weights, bins)
    kept = total > 0
    predicted = np.bincount(index, weights * probability, bins)[kept] / total[kept]
    return {
        "predicted": predicted.tolist(),
        "observed": (frauds[kept] / total[kept]).tolist(),
        "frauds": frauds[kept].tolist(),
        "legitimate": legitimate[kept].tolist(),
    }
