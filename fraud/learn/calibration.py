"""Calibration of log-odds, fitted and chosen on out-of-fold scores."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from fraud.bundle import Calibration

Floats = NDArray[np.float64]

# A model with no better order than chance may be fitted a slope of 0 or below, which would merge or turn round its
# scores; this one keeps their order and says little more than the prevalence.
_LEAST_SLOPE = 1e-3

_FOLDS = 5


@dataclass(frozen=True)
class Chosen:
    """The calibration, the name of its kind, and the log loss at the prevalence of each kind on rows not fitted on."""

    calibration: Calibration
    kind: str
    log_loss: dict[str, float]


def choose(log_odds: Floats, label: NDArray[np.int8], weight: float) -> Chosen:
    """Choose between a shift, Platt's and beta calibration by cross-validated log loss, and fit it on all rows.

    They have one, two and three parameters; a richer one is taken where its log loss is lower by more than one standard
    error of the paired difference. All are strictly increasing.

    Sources: Platt, "Probabilistic outputs for support vector machines", 1999; Kull, Silva Filho and Flach, "Beta
    calibration", 2017; the rule of one standard error: Breiman et al., "Classification and regression trees", 1984.

    Args:
        log_odds: shape (n,), of models that have not seen the row they score.
        label: shape (n,), 0 or 1, both present.
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    weights = np.where(label == 1, 1.0, weight)
    losses = {kind: np.zeros(len(label)) for kind in _KINDS}
    folds = min(_FOLDS, int(np.bincount(label, minlength=2).min()))
    if folds >= 2:
        for train, test in StratifiedKFold(folds, shuffle=True, random_state=0).split(label, label):
            for kind, fitted in _KINDS.items():
                z = fitted(log_odds[train], label[train], weights[train]).log_odds(log_odds[test])
                losses[kind][test] = np.logaddexp(0, z) - label[test] * z
        best = "shift"
        for richer in ("platt", "beta"):
            gain = weights * (losses[best] - losses[richer])
            if gain.sum() > np.sqrt(len(gain)) * gain.std():
                best = richer
    else:
        best = "platt"
    mean = {kind: float(np.average(loss, weights=weights)) for kind, loss in losses.items()}
    return Chosen(_KINDS[best](log_odds, label, weights), best, mean)


def fit(log_odds: Floats, label: NDArray[np.int8], weight: float) -> Calibration:
    """The calibration that `choose` chooses."""
    return choose(log_odds, label, weight).calibration


def platt(log_odds: Floats, label: NDArray[np.int8], weight: float) -> Calibration:
    """Platt's calibration, fitted on all rows; arguments as of `choose`."""
    return _platt(log_odds, label, np.where(label == 1, 1.0, weight))


def cross_fitted(log_odds: Floats, label: NDArray[np.int8], weight: float) -> Floats:
    """Probabilities by Platt's calibration, each row's fitted on folds that it is not in; arguments as of `choose`.

    Raises:
        ValueError: there are not two rows of each class.
    """
    weights = np.where(label == 1, 1.0, weight)
    probability = np.empty(len(label))
    folds = min(_FOLDS, int(np.bincount(label, minlength=2).min()))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=0).split(label, label):
        probability[test] = _platt(log_odds[train], label[train], weights[train]).apply(log_odds[test])
    return probability


def _shift(log_odds: Floats, label: NDArray[np.int8], weights: Floats) -> Calibration:
    """The one shift with which the probabilities sum to the frauds there are."""
    frauds = float(weights[label == 1].sum())

    def excess(shift: float) -> float:
        return float(weights @ expit(log_odds + shift)) - frauds

    widest = 50 + float(np.abs(log_odds).max())
    return Calibration(slope=1.0, intercept=float(brentq(excess, -widest, widest)))


def _platt(log_odds: Floats, label: NDArray[np.int8], weights: Floats) -> Calibration:
    """Slope and intercept of the highest likelihood."""
    (slope,), intercept = _logistic(log_odds[:, None], label, weights)
    if slope < _LEAST_SLOPE:
        share = np.average(label, weights=weights)
        slope, intercept = _LEAST_SLOPE, float(np.log(share / (1 - share)))
    return Calibration(slope=slope, intercept=intercept)


def _beta(log_odds: Floats, label: NDArray[np.int8], weights: Floats) -> Calibration:
    """One slope where the model says no and one where it says yes, as far as both increase; else Platt's."""
    both = np.column_stack([-np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)])
    (below, above), intercept = _logistic(both, label, weights)
    if min(below, above) < _LEAST_SLOPE:
        return _platt(log_odds, label, weights)
    return Calibration(slope=below, slope_above=above, intercept=intercept)


def _logistic(columns: Floats, label: NDArray[np.int8], weights: Floats) -> tuple[list[float], float]:
    # Scaled, so that the solver's tolerance means the same for margins of 1 and of 100.
    scale = columns.std(axis=0)
    # What does not vary tells nothing: it is left as it is.
    scale = np.where(scale > 0, scale, 1.0)
    with warnings.catch_warnings():
        # Where the classes part almost completely, the solver ends at the limits of floats, as near as can be.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1_000).fit(columns / scale, label, weights)
    return [float(slope) for slope in fitted.coef_[0] / scale], float(fitted.intercept_[0])


_KINDS: dict[str, Callable[[Floats, NDArray[np.int8], Floats], Calibration]] = {
    "shift": _shift,
    "platt": _platt,
    "beta": _beta,
}
