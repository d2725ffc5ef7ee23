"""Curves with their bands, against rows that are counted and drawn one by one."""

import numpy as np
import pytest

from fraud.metrics.bands import bands
from fraud.metrics.classification import FALSE_POSITIVE_RATES
from fraud.metrics.curves import curves

DRAWS = 4_000


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(6)
    label = np.repeat(np.array([1, 0], np.int8), [40, 1_500])
    # Rounded, so that frauds and legitimate rows share scores.
    probability = np.round(1 / (1 + np.exp(2 - rng.normal(size=len(label)) - 3 * label)), 2)
    return label, probability


def by_hand(frauds, others, weight, recalls, rates):
    """Precision at the highest threshold that reaches each recall, and the highest recall within each rate."""
    thresholds = np.unique(-np.concatenate([frauds, others]))
    flagged, alarms = (np.searchsorted(np.sort(-part), thresholds, side="right") for part in (frauds, others))
    recall, rate = flagged / len(frauds), alarms / len(others)
    precision = flagged / np.maximum(flagged + weight * alarms, 1)
    return (
        precision[np.searchsorted(recall, np.array(recalls) - 1e-9)],
        np.append(0, recall)[np.searchsorted(rate, np.array(rates) + 1e-9, side="right")],
    )


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_they_are_those_of_rows_drawn_with_replacement(judged, weight):
    label, probability = judged
    found = bands(label, probability, weight, DRAWS, 1)
    recalls, rates = found["precision_recall"]["recall"], found["roc"]["false_positive_rate"]
    rng = np.random.default_rng(2)
    drawn = [
        by_hand(
            *(rng.choice(probability[label == each], (label == each).sum()) for each in (1, 0)), weight, recalls, rates
        )
        for _ in range(DRAWS)
    ]
    for band, of_rows in zip((found["precision_recall"], found["roc"]), zip(*drawn, strict=True), strict=True):
        for name, end in zip(("low", "high"), np.quantile(np.array(of_rows), [0.025, 0.975], axis=0), strict=True):
            apart = np.abs(band[name] - end)
            # A quantile of few frauds jumps from one step to the next.
            assert apart.max() < 0.15
            assert apart.mean() < 0.01


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_the_value_is_that_of_the_rows_themselves(judged, weight):
    label, probability = judged
    found = bands(label, probability, weight, 10, 1)
    recalls, rates = found["precision_recall"]["recall"], found["roc"]["false_positive_rate"]
    precision, recall = by_hand(probability[label == 1], probability[label == 0], weight, recalls, rates)
    assert found["precision_recall"]["value"] == pytest.approx(precision)
    assert found["roc"]["value"] == pytest.approx(recall)


@pytest.mark.parametrize("rate", FALSE_POSITIVE_RATES)
@pytest.mark.parametrize("rows", [1_000, 10_000, 93_000])
def test_a_rate_that_is_a_metrics_has_its_recall(rows, rate):
    # Exactly the rate's share of legitimate rows above the second fraud.
    between = round(rate * rows)
    label = np.r_[1, np.zeros(between), 1, 0, 1, np.zeros(rows - between - 1)].astype(np.int8)
    found = bands(label, np.linspace(1, 0, len(label)), 0.7, 1, 1)["roc"]
    at = np.argmin(np.abs(np.subtract(found["false_positive_rate"], rate)))
    assert found["value"][at] == pytest.approx(2 / 3)


def test_the_curve_lies_within(judged):
    label, probability = judged
    found, drawn = bands(label, probability, 1.0, DRAWS, 1), curves(label, probability, 1.0)
    band, points = found["precision_recall"], drawn["precision_recall"]
    at = np.searchsorted(np.array(points["recall"]) + 1e-9, band["recall"])
    assert band["value"] == [points["precision"][place] for place in at]
    assert np.less_equal(band["low"], band["value"]).all()
    assert np.less_equal(band["value"], band["high"]).all()
    assert np.mean(np.subtract(band["high"], band["low"])) > 0.1


def test_where_the_classes_part_there_is_nothing_to_doubt():
    label = np.array([1, 1, 0, 0, 0], np.int8)
    found = bands(label, np.array([0.9, 0.8, 0.3, 0.2, 0.1]), 1.0, 100, 3)
    for name in ("value", "low", "high"):
        assert found["precision_recall"][name] == [1.0] * 50
        assert found["roc"][name] == [1.0] * 61


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
