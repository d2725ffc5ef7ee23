"""Simulated models whose ROC-AUC is known."""

import math

import numpy as np
import pytest


@pytest.fixture(scope="session")
def binormal():
    """`binormal(generator, frauds, legitimate, (d, ...), shared)`: labels, and a list of scores, one for each distance.

    Scores are normal within a class, those of frauds `d` standard deviations higher; `shared` is the correlation of one
    score with another there. The ROC-AUC is Φ(d / √2).
    """

    def draw(generator, frauds, legitimate, distances, shared=0.0):
        label = np.r_[np.ones(frauds), np.zeros(legitimate)].astype(np.int8)
        common = math.sqrt(shared) * generator.normal(size=len(label))
        own = math.sqrt(1 - shared)
        return label, [common + own * generator.normal(size=len(label)) + distance * label for distance in distances]

    return draw


@pytest.fixture(scope="session")
def within():
    """`within(count, of, share)`: whether so many of the simulations agree with that share, at 99.9%."""
    return lambda count, of, share: abs(count - of * share) <= 3.29 * math.sqrt(of * share * (1 - share))
