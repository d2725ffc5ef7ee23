"""How hard it is to find the frauds: in genuine rows, in a twin, and in genuine rows by what the twin teaches."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud import schema

_FEATURES = list(schema.FEATURES)
_LABEL = schema.LABEL.name


@dataclass(frozen=True)
class Difficulty:
    """Two models of fixed parameters, judged on rows that they have not seen.

    Early stopping would hold back rows, few frauds among them, and turn each figure into a matter of luck.
    """

    trees: int
    jobs: int
    seed: int

    def of_genuine(self, train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
        """Models trained on genuine rows, judged on others."""
        return self._named(self._boosting(train, test), self._forest(train, test), _frauds(test))

    def of_twin(self, train: pd.DataFrame, test: pd.DataFrame, genuine: pd.DataFrame) -> dict[str, float]:
        """Models trained on a twin: boosting judged on genuine rows, the forest on another draw of the twin."""
        return self._named(self._boosting(train, genuine), self._forest(train, test), _frauds(genuine), _frauds(test))

    def _named(
        self,
        boosting: NDArray[np.float64],
        forest: NDArray[np.float64],
        label: NDArray[np.bool_],
        forest_label: NDArray[np.bool_] | None = None,
    ) -> dict[str, float]:
        return {
            "boosting on genuine rows: average precision": average_precision_score(label, boosting),
            "boosting on genuine rows: ROC-AUC": roc_auc_score(label, boosting),
            "forest on its own kind: average precision": average_precision_score(
                label if forest_label is None else forest_label, forest
            ),
        }

    def _boosting(self, train: pd.DataFrame, test: pd.DataFrame) -> NDArray[np.float64]:
        model = HistGradientBoostingClassifier(
            learning_rate=0.05, min_samples_leaf=5, l2_regularization=1, early_stopping=False, random_state=self.seed
        )
        score: NDArray[np.float64] = model.fit(train[_FEATURES], train[_LABEL]).decision_function(test[_FEATURES])
        return score

    def _forest(self, train: pd.DataFrame, test: pd.DataFrame) -> NDArray[np.float64]:
        model = RandomForestClassifier(self.trees, n_jobs=self.jobs, random_state=self.seed)
        score: NDArray[np.float64] = model.fit(train[_FEATURES], train[_LABEL]).predict_proba(test[_FEATURES])[:, 1]
        return score


def _frauds(frame: pd.DataFrame) -> NDArray[np.bool_]:
    return (frame[_LABEL] == 1).to_numpy()
