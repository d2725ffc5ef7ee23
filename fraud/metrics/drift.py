"""How far the values of judged rows lie from those of the rows that a model was fitted on."""

import numpy as np
from numpy.typing import NDArray

from fraud.metrics.classification import Floats

_BINS = 10

# A share of none would make the index infinite.
_LEAST_SHARE = 1e-4


def drift(train: Floats, test: Floats, train_weight: Floats, test_weight: Floats) -> dict[str, float]:
    """`population_stability_index` and `kolmogorov_smirnov` of one column, each row counting its weight.

    The index sums (test - train) · ln(test / train) over the shares of rows in ten bins of equal weight in training, a
    share below 0.0001 counting as that; values that tie share a bin. By custom up to 0.1 is called stable, above 0.25 a
    shift. The statistic is the largest difference between the two distribution functions, 0 to 1.

    Sources: Siddiqi, "Credit risk scorecards", 2006; Smirnov, "Table for estimating the goodness of fit of empirical
    distributions", 1948.

    Args:
        train, test: shapes (n,) and (m,), finite.
        train_weight, test_weight: of the same shapes, not negative, some above 0.
    """
    value = np.concatenate([train, test])
    order = np.argsort(value, kind="stable")
    value = value[order]
    nothing = np.zeros_like(train_weight), np.zeros_like(test_weight)
    trained = _cumulative(np.concatenate([train_weight, nothing[1]])[order])
    tested = _cumulative(np.concatenate([nothing[0], test_weight])[order])
    last_of_ties = np.append(np.diff(value) > 0, True)
    edges = np.unique(value[np.searchsorted(trained, np.arange(1, _BINS) / _BINS)])
    at = np.searchsorted(value, edges, "right") - 1
    before, after = (_shares(cumulative[at]) for cumulative in (trained, tested))
    return {
        "population_stability_index": float(((after - before) * np.log(after / before)).sum()),
        "kolmogorov_smirnov": float(np.abs(trained - tested)[last_of_ties].max()),
    }


def _cumulative(weights: Floats) -> Floats:
    total = np.cumsum(weights)
    share: Floats = total / total[-1]
    return share


def _shares(cumulative: Floats) -> NDArray[np.float64]:
    return np.maximum(np.diff(cumulative, prepend=0, append=1), _LEAST_SHARE)
