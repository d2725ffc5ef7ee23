import numpy as np
import pytest
from scipy.stats import binomtest

from fraud.metrics.boundary import widened
from fraud.metrics.classification import judge
from fraud.metrics.intervals import bootstrap, interval, values


def judged(label, probability, prediction, weight=1.0):
    """Bootstrap intervals and what they become."""
    label, prediction = np.asarray(label, np.int8), np.asarray(prediction, np.int8)
    model = judge(label, np.asarray(probability, np.float64), prediction)
    drawn = bootstrap({"model": model}, weight, 200, 1)["model"]
    figures = {name: interval(value, drawn[name]) for name, value in values(model, weight).items()}
    frauds = int(label.sum())
    return figures, widened(figures, frauds, len(label) - frauds, weight)


def exact(found, rows):
    ends = binomtest(found, rows).proportion_ci(0.95, method="exact")
    return pytest.approx((ends.low, ends.high))


def ends(figure):
    return figure["low"], figure["high"]


@pytest.mark.parametrize("weight", [1.0, 5.3])
@pytest.mark.parametrize("frauds", [1, 6, 120])
def test_a_model_without_a_mistake_may_make_some(frauds, weight):
    label = [0] * 2_000 + [1] * frauds
    figures, wide = judged(label, [0.1] * 2_000 + [0.9] * frauds, label, weight)
    for name in ("recall", "average_precision", "roc_auc", "recall_at_fpr_0.001"):
        assert ends(figures[name]) == (1, 1)
        assert ends(wide[name]) == exact(frauds, frauds)
    assert ends(wide["true_positives"]) == pytest.approx(
        tuple(frauds * share for share in exact(frauds, frauds).expected)
    )
    assert ends(wide["false_negatives"]) == pytest.approx((0, frauds - wide["true_positives"]["low"]))
    low, high = exact(0, 2_000).expected
    assert ends(wide["false_positives"]) == pytest.approx((low, 2_000 * weight * high))
    assert ends(wide["true_negatives"]) == pytest.approx((2_000 * weight * (1 - high), 2_000 * weight))
    # With the odds of the rows divided by the weight.
    odds = exact(frauds, frauds).expected[0] / (1 - exact(frauds, frauds).expected[0]) / weight
    assert ends(wide["precision"]) == pytest.approx((odds / (1 + odds), 1))
    precision, recall = wide["precision"]["low"], wide["recall"]["low"]
    assert ends(wide["f1"]) == pytest.approx((2 / (1 / precision + 1 / recall), 1))
    right = wide["true_positives"]["low"] + wide["true_negatives"]["low"]
    assert ends(wide["accuracy"]) == pytest.approx((right / (frauds + 2_000 * weight), 1))
    assert all(figure["value"] == figures[name]["value"] for name, figure in wide.items())


def test_few_legitimate_rows_bound_the_ranking_as_few_frauds_do():
    label = [0] * 5 + [1] * 50
    assert ends(judged(label, [0.1] * 5 + [0.9] * 50, label)[1]["roc_auc"]) == exact(5, 5)


def test_a_model_that_finds_nothing_may_find_something():
    label = [0] * 50 + [1] * 6
    figures, wide = judged(label, [0.9] * 50 + [0.1] * 6, [1] * 8 + [0] * 48, 2.0)
    assert ends(figures["recall"]) == ends(figures["precision"]) == ends(figures["f1"]) == (0, 0)
    assert ends(wide["recall"]) == exact(0, 6)
    assert ends(wide["true_positives"]) == pytest.approx((0, 6 * wide["recall"]["high"]))
    assert ends(wide["false_negatives"]) == pytest.approx((6 - 6 * wide["recall"]["high"], 6))
    odds = exact(0, 8).expected[1] / (1 - exact(0, 8).expected[1]) / 2
    assert ends(wide["precision"]) == pytest.approx((0, odds / (1 + odds)))
    assert wide["f1"]["high"] == pytest.approx(2 / (1 / wide["precision"]["high"] + 1 / wide["recall"]["high"]))
    assert wide["false_positives"] == figures["false_positives"]


def test_of_no_alert_no_precision_is_known():
    label = [0] * 50 + [1] * 6
    _, wide = judged(label, [0.1] * 56, [0] * 56)
    assert ends(wide["precision"]) == (0, 1)


def test_all_else_stays_as_it_was_drawn():
    generator = np.random.default_rng(0)
    label = generator.permutation([0] * 900 + [1] * 100)
    probability = np.clip(0.3 * label + generator.uniform(0, 0.7, 1_000), 0, 1)
    figures, wide = judged(label, probability, probability > 0.5)
    assert wide == figures
