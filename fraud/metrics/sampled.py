"""Metrics of a sample in which some rows stand for more than others."""

import numpy as np
from scipy import sparse

from fraud.metrics.classification import Floats, Judged


def standing_for(judged: Judged, rows: Floats) -> Judged:
    """The rows of one class, each adding to every total as many times as `rows`, shape (n,), says.

    Source: Horvitz and Thompson, "A generalization of sampling without replacement from a finite universe", 1952: where
    that is one over the chance of being sampled, the totals are without bias those of all rows.
    """
    return Judged(sparse.csr_array(judged.design.multiply(np.asarray(rows)[:, None])), judged.cells)
