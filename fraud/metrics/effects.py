"""How much features move a model's answers, and which way, told from their contributions to single answers."""

import numpy as np

from fraud.metrics.classification import Floats

_BINS = 20


def magnitude(contribution: Floats, weight: Floats) -> Floats:
    """The mean absolute contribution of each feature, shape (k,).

    Args:
        contribution: shape (n, k).
        weight: shape (n,), what each row counts for.
    """
    mean: Floats = np.average(np.abs(contribution), axis=0, weights=weight)
    return mean


def shape(value: Floats, contribution: Floats, weight: Floats) -> dict[str, list[float]]:
    """How one feature's contribution follows its value: means over up to 20 bins of equally many rows.

    Rows of the same value share a bin. The bins follow the rows rather than their weights, so that the rarer class,
    which lies at the ends of most features, has bins of its own.

    Args:
        value, contribution, weight: shape (n,).

    Returns:
        for each bin, the lowest first, the weighted means `value` and `contribution`, and the count of `rows`.
    """
    edges = np.unique(np.quantile(value, np.arange(1, _BINS) / _BINS, method="lower"))
    index = np.searchsorted(edges, value)
    rows, total = np.bincount(index), np.bincount(index, weight)
    held = rows > 0
    return {
        "value": (np.bincount(index, weight * value)[held] / total[held]).tolist(),
        "contribution": (np.bincount(index, weight * contribution)[held] / total[held]).tolist(),
        "rows": rows[held].tolist(),
    }
