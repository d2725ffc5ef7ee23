"""McNemar's exact test: whether one of two models flags more of the same rows than the other."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest


def p_value(first: NDArray[np.int8], second: NDArray[np.int8]) -> float:
    """The chance that rows flagged by one model alone fall to the two as unevenly, were each as likely to flag them.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947, in its exact,
    two-sided form.

    Args:
        first, second: shape (n,), 1 for a row that is flagged, else 0.
    """
    only_first, only_second = int((first > second).sum()), int((second > first).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)
