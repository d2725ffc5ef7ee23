"""Which frauds hide among the legitimate, and how many legitimate rows look like frauds: told by out-of-fold scores."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from fraud import schema
from fraud.dataset.split import folds
from fraud.dataset.twin_mixture import MINIMUM_ROWS

# A fraud hides where at least this share of the legitimate scores as high: it is one of a thousand, or not found.
_HIDDEN_BEHIND = 1e-3
_FOLDS = 5


@dataclass(frozen=True)
class Disguise:
    """`hidden`, shape (n,), marks frauds that look legitimate; `impostor_share` of the legitimate look like frauds."""

    hidden: NDArray[np.bool_]
    impostor_share: float


def disguise(frame: pd.DataFrame, seed: int) -> Disguise:
    """Judge each row by a model that has not seen it, nor a copy of it.

    A mixture of Gaussians alone keeps the classes apart: the rows on the wrong side of a class are too few to bend it.
    """
    fraud = frame[schema.LABEL.name].to_numpy() == 1
    score = _out_of_fold(frame, seed)
    legitimate = np.sort(score[~fraud])
    behind = 1 - np.searchsorted(legitimate, score, side="left") / len(legitimate)
    hidden = fraud & (behind >= _HIDDEN_BEHIND)
    overt = fraud & ~hidden
    if overt.sum() < MINIMUM_ROWS:
        # Nothing tells the classes apart: the twin then says so, with frauds that stand for themselves.
        return Disguise(np.zeros(len(frame), dtype=np.bool_), 0.0)
    # Of rows that look like overt frauds, half score above the median of these.
    return Disguise(hidden, 2 * float((score[~fraud] >= np.median(score[overt])).mean()))


def _out_of_fold(frame: pd.DataFrame, seed: int) -> NDArray[np.float64]:
    features, label = frame[list(schema.FEATURES)].to_numpy(), frame[schema.LABEL.name].to_numpy()
    score = np.zeros(len(frame))
    for fold in folds(frame, _FOLDS, seed):
        # A weak model would call frauds hidden that a better one finds.
        model = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=150,
            max_leaf_nodes=8,
            min_samples_leaf=5,
            l2_regularization=1,
            max_features=0.3,
            early_stopping=False,
            random_state=seed,
        ).fit(features[fold.train], label[fold.train])
        score[fold.test] = model.decision_function(features[fold.test])
    return score
