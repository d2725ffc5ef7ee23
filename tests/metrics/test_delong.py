"""DeLong's test against the definition, and against what it promises on simulated models whose ROC-AUC is known."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fraud.metrics.delong import p_value, placements


@pytest.fixture
def tied(binormal):
    """Two scores of 60 frauds and 140 others, with many ties."""
    label, scores = binormal(np.random.default_rng(4), 60, 140, (1.0, 1.6), 0.5)
    return label, *(np.round(score, 1) for score in scores)


def test_the_placements_are_those_of_every_pair_compared(tied):
    label, score, _ = tied
    fraud, legitimate = score[label == 1][:, None], score[label == 0]
    pairs = (fraud > legitimate) + 0.5 * (fraud == legitimate)
    below, above = placements(label, score)
    assert below == pytest.approx(pairs.mean(1))
    assert above == pytest.approx(pairs.mean(0))
    assert below.mean() == pytest.approx(roc_auc_score(label, score))


def test_the_p_value_is_that_of_the_covariances_by_definition(tied):
    label, *scores = tied
    covariance = np.zeros((2, 2))
    parts = [placements(label, score) for score in scores]
    for side in (0, 1):
        rows = np.array([part[side] for part in parts])
        covariance += np.cov(rows) / rows.shape[1]
    area = [part[0].mean() for part in parts]
    z = (area[0] - area[1]) / math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    expected = math.erfc(abs(z) / math.sqrt(2))
    assert 0 < expected < 1
    assert p_value(label, *scores) == pytest.approx(expected)
    assert p_value(label, *scores[::-1]) == pytest.approx(expected)


def test_only_the_order_counts(tied):
    label, score, other = tied
    assert p_value(label, np.exp(score), 3 * other - 7) == p_value(label, score, other)


def test_scores_that_rank_alike_do_not_differ(tied):
    label, score, _ = tied
    assert p_value(label, score, np.exp(score)) == 1


def test_right_always_and_wrong_always_differ_for_certain():
    label = np.array([0, 0, 1, 1], dtype=np.int8)
    assert p_value(label, label.astype(float), 1 - label.astype(float)) == 0


def test_one_row_of_a_class_tells_nothing():
    label = np.array([0, 0, 0, 1], dtype=np.int8)
    assert p_value(label, np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 2, 1])) == 1


@pytest.mark.long
def test_the_variance_makes_intervals_that_cover_the_truth(binormal, within):
    """Away from 1 the plain interval and that of the logit cover 95%; the latter stays inside (0, 1)."""
    generator, simulations = np.random.default_rng(6), 2_000
    distance = 1.0
    truth = 0.5 * (1 + math.erf(distance / 2))
    plain = logit = 0
    for _ in range(simulations):
        label, (score,) = binormal(generator, 200, 400, (distance,))
        below, above = placements(label, score)
        area = below.mean()
        error = math.sqrt(below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above))
        plain += abs(area - truth) <= 1.96 * error
        away = math.log(area / (1 - area)) - math.log(truth / (1 - truth))
        logit += abs(away) <= 1.96 * error / (area * (1 - area))
    assert within(plain, simulations, 0.95)
    assert within(logit, simulations, 0.95)


@pytest.mark.long
@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_equals_are_told_apart_as_often_as_the_p_value_says(binormal, shared):
    generator, simulations = np.random.default_rng(9), 2_000
    found = sum(
        p_value(label, *scores) < 0.05
        for label, scores in (binormal(generator, 75, 1_000, (2.66, 2.66), shared) for _ in range(simulations))
    )
    # With a ROC-AUC of .97 and 75 frauds the normal approximation is a little careful where the scores are correlated.
    assert 0.025 * simulations <= found <= 0.07 * simulations


@pytest.mark.long
def test_a_model_that_is_worse_is_found(binormal):
    generator, simulations = np.random.default_rng(10), 500
    found = sum(
        p_value(label, *scores) < 0.05
        for label, scores in (binormal(generator, 75, 1_000, (2.2, 2.66), 0.8) for _ in range(simulations))
    )
    assert found >= 0.85 * simulations
