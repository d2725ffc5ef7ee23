"""Calibration slope and intercept: what a logistic recalibration on judged rows would still change."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from fraud.metrics.classification import Floats
from fraud.metrics.intervals import Interval

# A forest's share of votes may be 0 or 1, whose log-odds are infinite.
_LEAST = 1e-6
_QUANTILE = 1.959963984540054


def recalibration(label: NDArray[np.int8], probability: Floats, weight: float) -> dict[str, Interval | None]:
    """ "slope" and "intercept" with 95% intervals: 1 and 0 where the probabilities mean what they say.

    The slope is that of a logistic regression of the label on the log-odds: below 1, probabilities are too extreme. The
    intercept is fitted with the slope held at 1 (calibration in the large): below 0, they are too high. Rows count by
    their weight; the intervals are Wald's with the robust (sandwich) variance, which allows for that. `None` where the
    classes part completely, so that no slope is the best, or all probabilities are equal.

    Sources: Cox, "Two further applications of a model for binary regression", 1958; Van Calster et al., "Calibration:
    the Achilles heel of predictive analytics", 2019; White, "Maximum likelihood estimation of misspecified models",
    1982.

    Args:
        label: shape (n,), 0 or 1, both present.
        probability: shape (n,), in [0, 1].
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    log_odds = logit(np.clip(probability, _LEAST, 1 - _LEAST))
    weights = np.where(label == 1, 1.0, weight)
    ones = np.ones((len(label), 1))
    apart = log_odds[label == 1].min() > log_odds[label == 0].max() or np.ptp(log_odds) == 0
    return {
        "slope": None if apart else _estimate(np.column_stack([log_odds, ones]), 0 * log_odds, label, weights),
        "intercept": _estimate(ones, log_odds, label, weights),
    }


def _estimate(columns: Floats, offset: Floats, label: NDArray[np.int8], weights: Floats) -> Interval:
    """The first coefficient of a weighted logistic regression with its interval."""

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        z = columns @ coefficients + offset
        gradient = columns.T @ (weights * (expit(z) - label))
        return float(weights @ (np.logaddexp(0, z) - label * z)) / total, gradient / total

    def curvature(coefficients: Floats) -> Floats:
        mean = expit(columns @ coefficients + offset)
        return np.asarray(columns.T @ (columns * (weights * mean * (1 - mean))[:, None])) / total

    # By frauds, the rarer class, so that the tolerance means the same whatever the prevalence.
    total = float(weights[label == 1].sum())
    start = np.eye(columns.shape[1])[0] if columns.shape[1] > 1 else np.zeros(1)
    best = minimize(loss, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-9}).x
    inverse = np.linalg.inv(curvature(best) * total)
    scores = columns * (weights * (label - expit(columns @ best + offset)))[:, None]
    error = float(np.sqrt((inverse @ (scores.T @ scores) @ inverse)[0, 0]))
    return {
        "value": float(best[0]),
        "low": float(best[0]) - _QUANTILE * error,
        "high": float(best[0]) + _QUANTILE * error,
    }
