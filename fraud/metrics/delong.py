"""DeLong's test of two models' ROC-AUC on the same rows."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from fraud.metrics.classification import Floats


def p_value(label: NDArray[np.int8], score: Floats, other: Floats) -> float:
    """Two-sided p-value of "both scores have the same ROC-AUC", paired by row; all arrays of shape (n,).

    It is 1 where the two rank every pair alike, and where a class has fewer than two rows, whose variance is unknown.
    Which row weighs how much does not matter, as long as a class's rows weigh alike.

    Source: DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves: a nonparametric approach", 1988.
    """
    if min(np.bincount(label, minlength=2)) < 2:
        return 1.0
    pairs = zip(placements(label, score), placements(label, other), strict=True)
    differences = [ours - theirs for ours, theirs in pairs]
    # The variance of a difference, taken of the rows' own differences: it can't come out below 0, and is 0 for a tie.
    variance = sum(float(each.var(ddof=1)) / len(each) for each in differences)
    difference = abs(float(differences[0].mean()))
    if difference == 0:
        return 1.0
    return math.erfc(difference / math.sqrt(2 * variance)) if variance > 0 else 0.0


def placements(label: NDArray[np.int8], score: Floats) -> tuple[Floats, Floats]:
    """For each fraud the share of legitimate rows below it, for each legitimate row that of frauds above; ties half.

    The mean of either is the ROC-AUC, and the sum of their variances, each over its number of rows, is the AUC's.

    Source: Sun and Xu, "Fast implementation of DeLong's algorithm for comparing the areas under correlated receiver
    operating characteristic curves", 2014: by midranks, in O(n log n) instead of a comparison of every pair.
    """
    fraud, legitimate = score[label == 1], score[label == 0]
    rank = rankdata(score)
    below = (rank[label == 1] - rankdata(fraud)) / len(legitimate)
    above = 1 - (rank[label == 0] - rankdata(legitimate)) / len(fraud)
    return below, above
