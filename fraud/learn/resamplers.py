"""Resampling of the rows that a fit sees: inside the pipeline, so that no fold is touched by another's rows."""

from typing import Any

import numpy as np
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE, RandomOverSampler
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler, TomekLinks
from numpy.typing import NDArray


def resampler(name: str, legitimate_a_fraud: float, seed: int) -> Any:
    """A resampler that leaves `legitimate_a_fraud` legitimate rows for each fraud, where they were more before.

    Those that clean, `tomek` and, once they have counted, `smote-tomek` and `smote-enn`, leave what they leave.
    """

    def fewer_legitimate(label: NDArray[np.int8]) -> dict[int, int]:
        legitimate, frauds = np.bincount(label, minlength=2)
        return {0: int(min(legitimate, legitimate_a_fraud * frauds))}

    def more_frauds(label: NDArray[np.int8]) -> dict[int, int]:
        legitimate, frauds = np.bincount(label, minlength=2)
        return {1: int(max(frauds, legitimate / legitimate_a_fraud))}

    over: dict[str, Any] = {"sampling_strategy": more_frauds, "random_state": seed}
    made = {
        "under": lambda: RandomUnderSampler(sampling_strategy=fewer_legitimate, random_state=seed),
        "over": lambda: RandomOverSampler(**over),
        "smote": lambda: SMOTE(**over),
        "borderline-smote": lambda: BorderlineSMOTE(**over),
        "adasyn": lambda: ADASYN(**over),
        "smote-enn": lambda: SMOTEENN(smote=SMOTE(**over), enn=EditedNearestNeighbours(), random_state=seed),
        "smote-tomek": lambda: SMOTETomek(smote=SMOTE(**over), tomek=TomekLinks(), random_state=seed),
        "tomek": TomekLinks,
    }
    return made[name]()
