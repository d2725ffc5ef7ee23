"""Curves and ranks against scikit-learn, plain loops and a published critical value."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import precision_recall_curve

from fraud.learn.figures import cost_curve, critical_differences, precision_recall


@pytest.fixture
def judged():
    """Labels drawn by their calibrated probabilities, a noisy score, and rows that are not judged."""
    rng = np.random.default_rng(6)
    margin = rng.normal(-2, 2, 3_000)
    label = (rng.random(3_000) < expit(margin)).astype(np.int8)
    scores = {"good": expit(margin), "noisy": expit(margin + rng.normal(0, 2, 3_000))}
    for score in scores.values():
        score[:500] = np.nan
    return scores, label


def test_the_precision_is_that_of_the_first_threshold_that_reaches_the_recall(judged):
    scores, label = judged
    rows = np.isfinite(scores["good"])
    for name, curve in precision_recall(scores, label, 3.0, 50, 1).items():
        precision, recall, _ = precision_recall_curve(
            label[rows], scores[name][rows], sample_weight=np.where(label[rows] == 1, 1, 3.0)
        )
        expected = [precision[np.flatnonzero(recall >= r - 1e-12)[-1]] for r in curve["recall"]]
        assert curve["value"] == pytest.approx(expected)


def test_its_band_holds_it_and_is_the_wider_the_fewer_frauds(judged):
    scores, label = judged
    few = np.where((label == 1) & (np.arange(3_000) % 8 != 0), np.nan, scores["good"])
    widths = []
    for score in (scores["good"], few):
        curve = precision_recall({"good": score}, label, 1.0, 200, 1)["good"]
        value, low, high = (np.array(curve[key]) for key in ("value", "low", "high"))
        # Where few frauds are found, the percentiles of a ratio lean to one side.
        assert ((low <= value + 1e-9) & (value <= high + 1e-9)).mean() > 0.9
        widths.append(np.mean(high - low))
    assert widths[1] > 1.5 * widths[0]


def test_the_cost_is_that_of_a_loop_over_rows(judged):
    scores, label = judged
    rows = np.flatnonzero(np.isfinite(scores["good"]))
    curve = cost_curve(scores, label, 3.0, 50, 1)["noisy"]
    for price, value in list(zip(curve["false_alarms"], curve["value"], strict=True))[::6]:
        cost = sum(
            (price if label[k] else 0) if scores["noisy"][k] < 1 / (1 + price) else (0 if label[k] else 3.0)
            for k in rows
        )
        assert value == pytest.approx(cost / (price * label[rows].sum()))


def test_the_better_calibrated_ranking_costs_less(judged):
    scores, label = judged
    curves = cost_curve(scores, label, 1.0, 50, 1)
    good, noisy = (np.array(curves[name]["value"]) for name in ("good", "noisy"))
    assert (good < noisy).mean() > 0.9
    assert (np.array(curves["good"]["low"]) <= good).all()
    assert (good <= np.array(curves["good"]["high"])).all()


def test_the_ranks_are_those_of_a_loop_and_the_difference_has_the_published_critical_value():
    """Nemenyi's of four candidates is 2.569 in Demšar's table 5."""
    rng = np.random.default_rng(3)
    levels = {"a": 0.5, "b": 0.52, "c": 0.6, "d": 0.9}
    scores = {name: rng.normal(level, 0.1, 14).round(2).tolist() for name, level in levels.items()}
    found = critical_differences(scores)
    assert found["difference"] == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    for name, rank in found["ranks"].items():
        above = [
            sum(other[k] > scores[name][k] for other in scores.values())
            + (sum(other[k] == scores[name][k] for other in scores.values()) - 1) / 2
            for k in range(14)
        ]
        assert rank == pytest.approx(1 + np.mean(above))
    assert list(found["ranks"].values()) == sorted(found["ranks"].values())
    assert found["p"] < 0.05
    for one in scores:
        for two in scores:
            together = any({one, two} <= set(group) for group in found["groups"]) or one == two
            assert together == (abs(found["ranks"][one] - found["ranks"][two]) <= found["difference"])


def test_candidates_far_apart_form_no_group_and_two_are_too_few():
    scores = {name: [value + k / 1_000 for k in range(40)] for name, value in (("a", 0.9), ("b", 0.5), ("c", 0.1))}
    assert critical_differences(scores)["groups"] == []
    assert critical_differences({name: scores[name] for name in "ab"}) is None
