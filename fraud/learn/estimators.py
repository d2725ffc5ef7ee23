"""The models that candidates are made of, each on one thread, each with its margin as `decision_function`.

A margin is a score that is additive in what the model is made of, in log-odds: a blend may average it, and it leaves
the exported graph unrounded by a sigmoid. Forests and ensembles of votes have none; they can be compared, not served.
"""

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from catboost import CatBoostClassifier
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from imblearn.under_sampling import RandomUnderSampler
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted
from xgboost import XGBClassifier


class XGBoost(XGBClassifier):
    def decision_function(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self.predict(X, output_margin=True), dtype=np.float64)


class CatBoost(CatBoostClassifier):  # type: ignore[misc]
    def decision_function(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self.predict(X, prediction_type="RawFormulaVal"), dtype=np.float64)


def focal(label: NDArray[np.int8], margin: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradient and curvature, by the margin, of the focal loss -(1 - q)² log q of the true class's probability q.

    Source: Lin et al., "Focal loss for dense object detection", 2017, with gamma = 2.
    """
    sign = np.where(label == 1, 1.0, -1.0)
    q = 1 / (1 + np.exp(-np.clip(sign * margin, -60, 60)))
    log, rest = np.log(q), 1 - q
    gradient = sign * rest**2 * (2 * q * log - rest)
    # Not convex everywhere: a curvature of 0 or below would turn a leaf's step round.
    curvature = q * rest**2 * (5 * rest + 2 * log * (1 - 3 * q))
    return gradient, np.maximum(curvature, 1e-9)


class Perceptrons(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Perceptrons with one layer of rectified units, each from its own start; their margins are averaged.

    Args:
        networks: how many.
        units: of each one's layer.
        drawn_a_fraud: each network learns from its own draw of so many legitimate rows for each fraud, which count
            for all there are: beyond some hundred, more of them cost time and teach it nothing.
        passes: over the rows; scikit-learn's `MLPClassifier` calls it `max_iter`.
        others: those of `MLPClassifier`.
    """

    def __init__(
        self,
        networks: int,
        units: int,
        drawn_a_fraud: float,
        alpha: float,
        batch_size: int,
        learning_rate_init: float,
        passes: int,
        random_state: int,
    ) -> None:
        self.networks = networks
        self.units = units
        self.drawn_a_fraud = drawn_a_fraud
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.passes = passes
        self.random_state = random_state

    def fit(
        self, X: NDArray[np.float32], y: NDArray[np.int8], sample_weight: NDArray[np.float64] | None = None
    ) -> Self:
        self.classes_ = np.unique(y)
        starts = np.random.SeedSequence(self.random_state).generate_state(self.networks)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        networks = [self._network(X, y, weight, int(start)) for start in starts]
        # Side by side they are one network of as many units, whose last layer takes the mean.
        self.hidden_ = np.hstack([network.coefs_[0] for network in networks])
        self.hidden_bias_ = np.concatenate([network.intercepts_[0] for network in networks])
        self.last_ = np.vstack([network.coefs_[1] for network in networks]) / self.networks
        self.last_bias_ = np.mean([network.intercepts_[1] for network in networks], axis=0)
        return self

    def decision_function(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        check_is_fitted(self)
        units = np.maximum(np.asarray(X, dtype=np.float64) @ self.hidden_ + self.hidden_bias_, 0)
        return np.asarray(units @ self.last_ + self.last_bias_)[:, 0]

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        fraud = expit(self.decision_function(X))
        return np.column_stack([1 - fraud, fraud])

    def predict(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return np.asarray(self.classes_[(self.decision_function(X) > 0).astype(np.intp)])

    def _network(
        self, X: NDArray[np.float32], y: NDArray[np.int8], weight: NDArray[np.float64], start: int
    ) -> MLPClassifier:
        legitimate, frauds = np.bincount(y, minlength=2)
        kept = int(min(legitimate, self.drawn_a_fraud * frauds))
        draw = RandomUnderSampler(sampling_strategy={0: kept}, random_state=start)
        draw.fit_resample(X, y)
        rows = draw.sample_indices_
        counts = np.where(y[rows] == 0, weight[rows] * legitimate / kept, weight[rows])
        network = MLPClassifier(
            (self.units,),
            alpha=self.alpha,
            batch_size=min(self.batch_size, len(rows)),
            learning_rate_init=self.learning_rate_init,
            max_iter=self.passes,
            random_state=start,
        )
        with warnings.catch_warnings():
            # Few passes are what keeps it from learning the frauds by heart.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # A mean of 1: the penalty is meant for rows that count for one.
            return network.fit(X[rows], y[rows], sample_weight=counts / counts.mean())


def _with(model: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """The model with what no candidate may change, and a seed under its own name."""

    def build(seed: int, **parameters: Any) -> Any:
        return model(**{**fixed, **parameters, "random_state": seed})

    return build


# By the name that `candidates.toml` uses: each takes a seed and parameters.
ESTIMATORS: dict[str, Callable[..., Any]] = {
    "logistic regression": _with(LogisticRegression, max_iter=1_000),
    "lightgbm": _with(LGBMClassifier, n_jobs=1, verbose=-1, deterministic=True, force_row_wise=True),
    "lightgbm, focal loss": _with(
        LGBMClassifier, n_jobs=1, verbose=-1, deterministic=True, force_row_wise=True, objective=focal
    ),
    "xgboost": _with(XGBoost, n_jobs=1),
    "catboost": _with(CatBoost, thread_count=1, verbose=0, allow_writing_files=False),
    # Early stopping would hold back rows, a few frauds among them, and make the result a matter of luck.
    "histogram boosting": _with(HistGradientBoostingClassifier, early_stopping=False),
    "perceptrons": _with(Perceptrons),
    "random forest": _with(RandomForestClassifier, n_jobs=1),
    "extra trees": _with(ExtraTreesClassifier, n_jobs=1),
    "balanced forest": _with(BalancedRandomForestClassifier, n_jobs=1),
    "balanced bagging": _with(BalancedBaggingClassifier, n_jobs=1),
    "rusboost": _with(RUSBoostClassifier, estimator=DecisionTreeClassifier(max_depth=3)),
    "easy ensemble": _with(EasyEnsembleClassifier, n_jobs=1),
}
