import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from fraud.learn import calibration


@pytest.fixture
def scored():
    """Log-odds that are twice as large as they should be."""
    rng = np.random.default_rng(12)
    label = (rng.random(5_000) < 0.05).astype(np.int8)
    return 2 * (rng.normal(size=5_000) * 2 - 3 + 4 * label), label


def distorted(kind, rows=20_000, seed=5):
    """Log-odds and the labels that they belong to, the former changed as one kind of calibration undoes it."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-3, 2.5, rows)
    label = (rng.random(rows) < 1 / (1 + np.exp(-true))).astype(np.int8)
    return {"shift": true - 2, "platt": 0.5 * true + 1, "beta": np.where(true > 0, 4 * true, 0.8 * true)}[kind], label


@pytest.mark.parametrize("weight", [1.0, 0.2, 5.0])
def test_it_is_the_weighted_maximum_of_likelihood(scored, weight):
    log_odds, label = scored
    weights = np.where(label == 1, 1.0, weight)

    def loss(parameters):
        z = parameters[0] * log_odds + parameters[1]
        return (weights * (np.logaddexp(0, z) - label * z)).sum()

    best = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-5})
    chosen = calibration.choose(log_odds, label, weight)
    assert chosen.kind == "platt"
    assert (chosen.calibration.slope, chosen.calibration.intercept) == pytest.approx(tuple(best.x), abs=1e-3)


@pytest.mark.parametrize("kind", ["shift", "platt", "beta"])
def test_the_kind_that_undoes_the_distortion_is_chosen(kind):
    chosen = calibration.choose(*distorted(kind), 1.0)
    assert chosen.kind == kind
    # A richer kind may come out a little lower by chance: that is what the standard error is for.
    assert chosen.log_loss[kind] <= min(chosen.log_loss.values()) + 1e-3
    assert (chosen.calibration.slope_above is not None) == (kind == "beta")
    assert (chosen.calibration.slope == 1) == (kind == "shift")


def test_the_log_losses_are_those_of_rows_that_were_not_fitted_on():
    """By a plain loop over folds of its own making."""
    log_odds, label = distorted("platt")
    weights = np.where(label == 1, 1.0, 0.3)
    loss = np.empty(len(label))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(label, label):
        fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(log_odds[train, None], label[train], weights[train])
        loss[test] = -np.log(fitted.predict_proba(log_odds[test, None])[np.arange(len(test)), label[test]])
    chosen = calibration.choose(log_odds, label, 0.3)
    assert chosen.log_loss["platt"] == pytest.approx(np.average(loss, weights=weights), rel=1e-4)


def test_beta_calibration_is_strictly_increasing_and_continuous_to_the_ends():
    fitted = calibration.fit(*distorted("beta"), 1.0)
    margins = np.r_[np.linspace(-700, 700, 20_001), np.linspace(-1, 1, 20_001)]
    margins.sort()
    z = fitted.log_odds(np.unique(margins))
    assert np.isfinite(z).all()
    assert (np.diff(z) > 0).all()
    assert np.abs(np.diff(z)).max() < 1
    probability = fitted.apply(np.unique(margins))
    assert ((probability >= 0) & (probability <= 1)).all()


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


def test_cross_fitted_probabilities_are_of_fits_that_have_not_seen_the_row(scored):
    log_odds, label = scored
    before = calibration.cross_fitted(log_odds, label, 0.5)
    weights = np.where(label == 1, 1.0, 0.5)
    assert weights @ before == pytest.approx(label.sum(), rel=0.02)
    moved = log_odds.copy()
    moved[7] += 50
    after = calibration.cross_fitted(moved, label, 0.5)
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(label, label)
    (own,) = (test for _, test in folds if 7 in test)
    others = own[own != 7]
    assert np.array_equal(before[others], after[others])
    assert not np.array_equal(np.delete(before, own), np.delete(after, own))


def test_equal_scores_say_the_prevalence():
    label = (np.arange(200) < 20).astype(np.int8)
    assert calibration.fit(np.zeros(200), label, 1.0).apply(np.zeros(3)) == pytest.approx(0.1, abs=1e-3)
