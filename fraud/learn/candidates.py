"""The registry of candidate models: each a pipeline with its own scaling and resampling inside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import RandomUnderSampler
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fraud import schema
from fraud.features import TimeMeaning


@dataclass(frozen=True)
class Candidate:
    """A model that can be fitted: `build(seed)` makes its unfitted pipeline, whose last step is called "model".

    `output` is what the exported graph answers: log-odds where the model is additive in them, else a probability.
    """

    name: str
    description: str
    build: Callable[[int], Pipeline]
    output: Literal["log-odds", "probability"] = "log-odds"
    time: TimeMeaning = "of day"


def _logistic(seed: int) -> Pipeline:
    return Pipeline([("scale", StandardScaler()), ("model", LogisticRegression(C=0.1, max_iter=1_000))])


def _logistic_undersampled(seed: int) -> Pipeline:
    return Pipeline([("resample", _fifty_to_one(seed)), *_logistic(seed).steps])


def _boosting(seed: int) -> Pipeline:
    # Small trees, a slow rate and few features a split: a few hundred frauds overfit anything bolder.
    model = HistGradientBoostingClassifier(
        learning_rate=0.03,
        max_iter=300,
        max_leaf_nodes=8,
        min_samples_leaf=5,
        l2_regularization=1.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    return Pipeline([("model", model)])


def _boosting_undersampled(seed: int) -> Pipeline:
    return Pipeline([("resample", _fifty_to_one(seed)), *_boosting(seed).steps])


def _fifty_to_one(seed: int) -> RandomUnderSampler:
    return RandomUnderSampler(sampling_strategy=_fifty_legitimate_a_fraud, random_state=seed)


def _fifty_legitimate_a_fraud(label: NDArray[np.int8]) -> dict[int, int]:
    legitimate, frauds = np.bincount(label, minlength=2)
    return {0: int(min(legitimate, 50 * frauds))}


def _forest(seed: int) -> Pipeline:
    unscaled = [schema.FEATURES.index(column.name) for column in (schema.TIME, schema.AMOUNT)]
    scale = ColumnTransformer([("scaled", StandardScaler(), unscaled)], remainder="passthrough")
    return Pipeline([("scale", scale), ("model", RandomForestClassifier(100, random_state=seed))])


CANDIDATES = (
    Candidate("logistic", "logistic regression on standardised columns", _logistic),
    Candidate(
        "logistic-undersampled",
        "logistic regression on fifty legitimate rows a fraud",
        _logistic_undersampled,
    ),
    Candidate("boosting", "histogram gradient boosting", _boosting),
    Candidate(
        "boosting-undersampled",
        "histogram gradient boosting on fifty legitimate rows a fraud",
        _boosting_undersampled,
    ),
)

# The blog post's model, as it stands there, and the threshold that its `predict` implies: more than half of its 100
# trees, midway between 50 and 51 votes. It is what the winner is compared with and never a candidate itself.
REFERENCE = Candidate("forest", "the blog post's random forest of 100 trees", _forest, "probability", "as given")
REFERENCE_THRESHOLD = 0.505
