"""The margins of the models that candidates are made of."""

import numpy as np
import pytest
from scipy.special import expit, logit

from fraud.learn.estimators import ESTIMATORS, focal

RNG = np.random.default_rng(2)
X = RNG.normal(size=(400, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] + RNG.normal(size=400) > 2).astype(np.int8)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "histogram boosting", "logistic regression"])
def test_the_decision_function_is_the_log_odds_of_the_probability(name):
    few = {"catboost": {"iterations": 20}, "histogram boosting": {"max_iter": 20}, "logistic regression": {}}
    model = ESTIMATORS[name](7, **few.get(name, {"n_estimators": 20})).fit(X, Y)
    margin = model.predict(X, raw_score=True) if name == "lightgbm" else model.decision_function(X)
    assert expit(margin) == pytest.approx(model.predict_proba(X)[:, 1], abs=1e-6)


def perceptrons(**asked):
    usual = {"units": 8, "drawn_a_fraud": 120, "alpha": 0.01, "batch_size": 200, "learning_rate_init": 0.004}
    return ESTIMATORS["perceptrons"](1, **{**usual, **asked})


def test_perceptrons_answer_the_mean_margin_of_networks_from_other_starts():
    model = perceptrons(networks=3, passes=15).fit(X, Y)
    starts = np.random.SeedSequence(1).generate_state(3)
    networks = [model._network(X, Y, np.ones(len(Y)), int(start)) for start in starts]
    margins = [logit(network.predict_proba(X)[:, 1]) for network in networks]
    assert model.decision_function(X) == pytest.approx(np.mean(margins, axis=0), abs=1e-4)
    assert model.predict_proba(X)[:, 1] == pytest.approx(expit(model.decision_function(X)))
    assert not np.allclose(margins[0], margins[1])
    assert set(model.predict(X)) == {0, 1}
    again = perceptrons(networks=3, passes=15).fit(X, Y)
    assert np.array_equal(model.decision_function(X), again.decision_function(X))


def test_the_rows_that_a_network_draws_count_for_all_there_are():
    model = perceptrons(networks=2, passes=60, drawn_a_fraud=1).fit(X, Y)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(Y.mean(), abs=0.06)


@pytest.mark.parametrize("label", [0, 1])
def test_the_focal_loss_has_its_own_gradient_and_curvature(label):
    def loss(margin):
        q = expit(margin if label else -margin)
        return -((1 - q) ** 2) * np.log(q)

    margin, step = np.linspace(-4, 4, 41), 1e-4
    gradient, curvature = focal(np.full(41, label), margin)
    slope = (loss(margin + step) - loss(margin - step)) / (2 * step)
    bend = (loss(margin + step) - 2 * loss(margin) + loss(margin - step)) / step**2
    assert gradient == pytest.approx(slope, abs=1e-6)
    convex = bend > 1e-3
    assert convex.sum() > 20
    assert curvature[convex] == pytest.approx(bend[convex], abs=1e-4)
    assert (curvature > 0).all()
