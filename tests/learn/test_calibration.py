import numpy as np
import pytest
from scipy.optimize import minimize

from fraud.learn import calibration


@pytest.fixture
def scored():
    rng = np.random.default_rng(12)
    label = (rng.random(5_000) < 0.05).astype(np.int8)
    return rng.normal(size=5_000) * 2 - 3 + 4 * label, label


@pytest.mark.parametrize("weight", [1.0, 0.2, 5.0])
def test_it_is_the_weighted_maximum_of_likelihood(scored, weight):
    log_odds, label = scored
    weights = np.where(label == 1, 1.0, weight)

    def loss(parameters):
        z = parameters[0] * log_odds + parameters[1]
        return (weights * (np.logaddexp(0, z) - label * z)).sum()

    best = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-5})
    fitted = calibration.fit(log_odds, label, weight)
    assert (fitted.slope, fitted.intercept) == pytest.approx(tuple(best.x), abs=1e-3)


@pytest.mark.parametrize("weight", [1.0, 0.2, 5.0])
def test_probabilities_sum_to_the_frauds_there_are(scored, weight):
    log_odds, label = scored
    probability = calibration.fit(log_odds, label, weight).apply(log_odds)
    assert (np.where(label == 1, 1.0, weight) * probability).sum() == pytest.approx(label.sum(), rel=1e-3)


def test_a_distortion_of_the_log_odds_is_undone(scored):
    log_odds, label = scored
    straight = calibration.fit(log_odds, label, 1.0).apply(log_odds)
    distorted = 3 * log_odds - 7
    assert calibration.fit(distorted, label, 1.0).apply(distorted) == pytest.approx(straight, abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_it_is_strictly_increasing_even_on_shuffled_labels(scored, seed):
    log_odds, label = scored
    shuffled = np.random.default_rng(seed).permutation(label)
    probability = calibration.fit(log_odds, shuffled, 1.0).apply(np.unique(log_odds))
    assert (np.diff(probability) > 0).all()
    assert probability.mean() == pytest.approx(label.mean(), rel=0.2)


@pytest.mark.parametrize("weight", [1.0, 0.2])
def test_a_model_that_ranks_the_wrong_way_round_keeps_its_order_and_the_prevalence(scored, weight):
    log_odds, label = scored
    probability = calibration.fit(-log_odds, label, weight).apply(np.unique(-log_odds))
    assert (np.diff(probability) > 0).all()
    share = np.average(label, weights=np.where(label == 1, 1.0, weight))
    assert probability.mean() == pytest.approx(share, rel=0.05)


def test_classes_that_part_completely_are_fitted_without_a_warning():
    rng = np.random.default_rng(3)
    log_odds = np.r_[rng.normal(-6, 1, 900), rng.normal(6, 1, 40)]
    fitted = calibration.fit(log_odds, np.r_[np.zeros(900), np.ones(40)].astype(np.int8), 1.0)
    assert np.isfinite([fitted.slope, fitted.intercept]).all()
    probability = fitted.apply(log_odds)
    assert probability[:900].max() < 0.5 < probability[900:].min()
