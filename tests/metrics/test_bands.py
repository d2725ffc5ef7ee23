"""Bands of the curves, against rows that are drawn one by one."""

import numpy as np
import pytest

from fraud.metrics.bands import bands
from fraud.metrics.curves import curves

DRAWS = 4_000


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(6)
    label = np.repeat(np.array([1, 0], np.int8), [40, 1_500])
    # Rounded, so that frauds and legitimate rows share scores.
    probability = np.round(1 / (1 + np.exp(2 - rng.normal(size=len(label)) - 3 * label)), 2)
    return label, probability


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_they_are_those_of_rows_drawn_with_replacement(judged, weight):
    label, probability = judged
    found = bands(label, probability, weight, DRAWS, 1)
    recalls, rates = found["precision_recall"]["recall"], found["roc"]["false_positive_rate"]
    thresholds, rng = np.unique(-probability), np.random.default_rng(2)
    precision_at, recall_at = [], []
    for _ in range(DRAWS):
        frauds, others = (np.sort(-rng.choice(probability[label == each], (label == each).sum())) for each in (1, 0))
        flagged, alarms = (np.searchsorted(part, thresholds, side="right") for part in (frauds, others))
        recall, rate = flagged / len(frauds), alarms / len(others)
        precision = flagged / np.maximum(flagged + weight * alarms, 1)
        precision_at.append(precision[np.searchsorted(recall, np.array(recalls) - 1e-9)])
        recall_at.append(np.append(0, recall)[np.searchsorted(rate, rates, side="right")])
    for band, of_rows in ((found["precision_recall"], precision_at), (found["roc"], recall_at)):
        for name, end in zip(("low", "high"), np.quantile(np.array(of_rows), [0.025, 0.975], axis=0), strict=True):
            apart = np.abs(band[name] - end)
            # A quantile of few frauds jumps from one step to the next.
            assert apart.max() < 0.15
            assert apart.mean() < 0.01


def test_the_curve_lies_within(judged):
    label, probability = judged
    found, drawn = bands(label, probability, 1.0, DRAWS, 1), curves(label, probability, 1.0)
    band, points = found["precision_recall"], drawn["precision_recall"]
    at = np.searchsorted(np.array(points["recall"]) + 1e-9, band["recall"])
    precision = np.array(points["precision"])[at]
    assert (band["low"] <= precision).all()
    assert (precision <= band["high"]).all()
    assert np.mean(np.subtract(band["high"], band["low"])) > 0.1


def test_where_the_classes_part_there_is_nothing_to_doubt():
    label = np.array([1, 1, 0, 0, 0], np.int8)
    found = bands(label, np.array([0.9, 0.8, 0.3, 0.2, 0.1]), 1.0, 100, 3)
    assert found["precision_recall"]["low"] == found["precision_recall"]["high"] == [1.0] * 50
    assert found["roc"]["low"] == found["roc"]["high"] == [1.0] * 61


def test_a_seed_gives_the_same_bands_and_another_one_others(judged):
    label, probability = judged
    first, again, other = (bands(label, probability, 1.0, 100, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_a_rate_is_reached_exactly_too():
    label = np.array([1, 0, 0, 1], np.int8)
    found = bands(label, np.array([0.9, 0.5, 0.4, 0.1]), 1.0, 100, 3)["roc"]
    assert found["false_positive_rate"][-1] == pytest.approx(1)
    assert found["low"][-1] == found["high"][-1] == 1
    assert found["low"][-2] < 1
