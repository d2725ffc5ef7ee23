"""The models that candidates are made of, each on one thread, each with its margin as `decision_function`.

A margin is a score that is additive in what the model is made of, in log-odds: a blend may average it, and it leaves
the exported graph unrounded by a sigmoid. Forests and ensembles of votes have none; they can be compared, not served.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from catboost import CatBoostClassifier
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
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
    """Multi-layer perceptrons of rectified units, each from its own start; their margins are averaged.

    Args:
        networks: how many.
        others: those of scikit-learn's `MLPClassifier`; `passes` is its `max_iter`.
    """

    def __init__(
        self,
        networks: int = 4,
        hidden_layer_sizes: Sequence[int] = (64,),
        alpha: float = 0.01,
        learning_rate_init: float = 0.002,
        passes: int = 30,
        random_state: int = 0,
    ) -> None:
        self.networks = networks
        self.hidden_layer_sizes = hidden_layer_sizes
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.passes = passes
        self.random_state = random_state

    def fit(self, X: NDArray[np.float32], y: NDArray[np.int8]) -> Self:
        self.classes_ = np.unique(y)
        starts = np.random.SeedSequence(self.random_state).generate_state(self.networks)
        with warnings.catch_warnings():
            # Few passes are what keeps them from learning the frauds by heart.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.fitted_ = [
                MLPClassifier(
                    tuple(self.hidden_layer_sizes),
                    alpha=self.alpha,
                    learning_rate_init=self.learning_rate_init,
                    max_iter=self.passes,
                    random_state=int(start),
                ).fit(X, y)
                for start in starts
            ]
        return self

    def decision_function(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        check_is_fitted(self)
        return np.asarray(np.mean([_margin(network, X) for network in self.fitted_], axis=0))

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        fraud = expit(self.decision_function(X))
        return np.column_stack([1 - fraud, fraud])

    def predict(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return np.asarray(self.classes_[(self.decision_function(X) > 0).astype(np.intp)])


def _margin(network: MLPClassifier, X: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the last layer sums up, before its sigmoid."""
    values = np.asarray(X, dtype=np.float64)
    for weights, bias in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
        values = np.maximum(values @ weights + bias, 0)
    return np.asarray(values @ network.coefs_[-1] + network.intercepts_[-1])[:, 0]


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
