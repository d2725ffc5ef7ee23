import numpy as np
import pytest

from fraud.metrics.curves import curves


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(4)
    label = (rng.random(20_000) < 0.03).astype(np.int8)
    probability = np.round(1 / (1 + np.exp(3 - rng.normal(size=20_000) - 3 * label)), 4)
    return label, probability


@pytest.mark.parametrize("weight", [1.0, 0.2])
def test_every_point_is_what_its_threshold_gives(judged, weight):
    label, probability = judged
    drawn = curves(label, probability, weight)
    frauds, others = (label == 1).sum(), weight * (label == 0).sum()
    points = drawn["precision_recall"]
    assert drawn["roc"]["threshold"] == points["threshold"]
    assert drawn["roc"]["true_positive_rate"] == points["recall"]
    assert 100 < len(points["threshold"]) <= 200
    for i, threshold in enumerate(points["threshold"]):
        flagged = probability >= threshold
        found, alarms = (flagged & (label == 1)).sum(), weight * (flagged & (label == 0)).sum()
        assert points["precision"][i] == pytest.approx(found / (found + alarms))
        assert points["recall"][i] == pytest.approx(found / frauds)
        assert drawn["roc"]["false_positive_rate"][i] == pytest.approx(alarms / others)
    assert points["threshold"] == sorted(points["threshold"], reverse=True)
    assert points["recall"][-1] == 1


def test_few_frauds_give_a_point_each():
    label = np.array([0, 1, 0, 1, 1, 0], dtype=np.int8)
    drawn = curves(label, np.array([0.9, 0.8, 0.7, 0.6, 0.6, 0.1]), 1.0)
    assert drawn["precision_recall"] == {"threshold": [0.8, 0.6], "precision": [0.5, 0.6], "recall": [1 / 3, 1.0]}


@pytest.mark.parametrize("weight", [1.0, 0.2])
def test_reliability_adds_up_and_matches_a_bin_counted_by_hand(judged, weight):
    label, probability = judged
    bins = curves(label, probability, weight)["reliability"]
    assert sum(bins["frauds"]) == label.sum()
    assert sum(bins["legitimate"]) == (label == 0).sum()
    inside = (probability >= 0.1) & (probability < 0.25)
    weights = np.where(label == 1, 1.0, weight)[inside]
    at = next(i for i, value in enumerate(bins["predicted"]) if 0.1 <= value < 0.25)
    assert bins["predicted"][at] == pytest.approx(np.average(probability[inside], weights=weights))
    assert bins["observed"][at] == pytest.approx(np.average(label[inside], weights=weights))
