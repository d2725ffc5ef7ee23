"""Calibration slope and intercept against a plain fit, and against what their intervals promise on simulated rows."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from fraud.metrics.recalibration import recalibration


def simulated(seed, rows=6_000, slope=1.0, shift=0.0, kept=0.25):
    """Labels drawn with log-odds slope · m + shift of what is predicted; of legitimate rows a share is kept."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-4, 2, rows)
    label = (rng.random(rows) < expit(slope * margin + shift)).astype(np.int8)
    stays = (label == 1) | (rng.random(rows) < kept)
    return label[stays], expit(margin[stays]), 1 / kept


def test_the_slope_is_that_of_a_weighted_logistic_regression():
    label, probability, weight = simulated(1, slope=0.6, shift=-1)
    log_odds = np.log(probability / (1 - probability))
    weights = np.where(label == 1, 1, weight)
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds[:, None], label, weights)
    assert recalibration(label, probability, weight)["slope"]["value"] == pytest.approx(fitted.coef_[0, 0], abs=1e-4)


def test_the_intercept_makes_the_probabilities_sum_to_the_frauds():
    label, probability, weight = simulated(2, shift=0.7)
    intercept = recalibration(label, probability, weight)["intercept"]["value"]
    moved = expit(np.log(probability / (1 - probability)) + intercept)
    assert np.where(label == 1, 1, weight) @ moved == pytest.approx(label.sum(), rel=1e-6)


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.7, 0.0)])
def test_the_intervals_cover_the_truth_as_often_as_they_say(slope, shift):
    """95% of 400 draws, give or take four standard errors; the intercept only where the slope is 1, as it assumes."""
    inside = {"slope": 0, "intercept": 0}
    for seed in range(400):
        found = recalibration(*simulated(seed, slope=slope, shift=shift))
        for name, truth in (("slope", slope), ("intercept", shift)):
            inside[name] += found[name]["low"] <= truth <= found[name]["high"]
    assert 0.906 <= inside["slope"] / 400 <= 0.994
    if slope == 1:
        assert 0.906 <= inside["intercept"] / 400 <= 0.994


def test_weights_are_no_more_rows():
    """The interval stays as wide as the rows there are make it: a naive one would shrink by half."""
    label, probability, _ = simulated(3)
    one, four = (recalibration(label, probability, weight)["intercept"] for weight in (1.0, 4.0))
    assert (four["high"] - four["low"]) > 0.8 * (one["high"] - one["low"])


def test_certain_votes_and_classes_apart_have_finite_figures_or_none():
    label = np.repeat([0, 1], [90, 10]).astype(np.int8)
    votes = np.r_[np.zeros(80), np.full(10, 0.3), np.full(5, 0.2), np.ones(5)]
    found = recalibration(label, votes, 1.0)
    assert np.isfinite([*found["slope"].values(), *found["intercept"].values()]).all()
    assert recalibration(label, np.where(label == 1, 0.9, 0.1), 1.0)["slope"] is None
    assert recalibration(label, np.full(100, 0.1), 1.0)["slope"] is None
