"""Platt's calibration, fitted on out-of-fold log-odds."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from fraud.bundle import Calibration

# A model with no better order than chance may be fitted a slope of 0 or below, which would merge or turn round its
# scores; this one keeps their order and says little more than the prevalence.
_LEAST_SLOPE = 1e-3


def fit(log_odds: NDArray[np.float64], label: NDArray[np.int8], weight: float) -> Calibration:
    """Fit slope and intercept by maximum likelihood, a legitimate row counting `weight` and a fraud 1.

    Args:
        log_odds: shape (n,), of models that have not seen the row they score.
        label: shape (n,), 0 or 1, both present.
    """
    weights = np.where(label == 1, 1.0, weight)
    fitted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1_000).fit(log_odds[:, None], label, weights)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope < _LEAST_SLOPE:
        share = np.average(label, weights=weights)
        slope, intercept = _LEAST_SLOPE, float(np.log(share / (1 - share)))
    return Calibration(slope=slope, intercept=intercept)
