import numpy as np
import pytest

from fraud.costs import CostModel
from fraud.metrics.classification import judge
from fraud.metrics.intervals import values
from fraud.metrics.money import ledger
from fraud.metrics.operating_points import operating_point, operating_points

COSTS = CostModel(fraud_fee=20, analyst_cost=3, lost_custom_fixed=4, lost_custom_share=0.2, review_loss_share=0.25)


@pytest.fixture(scope="module")
def judged():
    """Labels, probabilities of which many tie, amounts, and the costs where every row raises an alert."""
    rng = np.random.default_rng(4)
    label = (rng.random(20_000) < 0.03).astype(np.int8)
    probability = np.round(1 / (1 + np.exp(3 - rng.normal(size=20_000) - 3 * label)), 4)
    amount = rng.lognormal(3, 1.5, 20_000).round(2)
    alert = np.where(probability >= 0.9, "decline", "review")
    return label, probability, amount, ledger(alert, label, amount, COSTS)


def test_a_table_done_by_hand():
    """Three scores; alerts cost as told: of a fraud 10 is lost, of an alert 1, and a legitimate row counts 2."""
    label = np.array([0, 1, 0, 1, 1, 0], dtype=np.int8)
    probability = np.array([0.9, 0.8, 0.8, 0.6, 0.6, 0.6])
    alerted = np.column_stack([np.ones(6), 10.0 * label, np.zeros(6)])
    assert operating_points(label, probability, alerted, 2.0) == {
        "threshold": [0.9, 0.8, 0.6],
        "true_positives": [0, 1, 3],
        "false_positives": [2, 4, 6],
        "false_negatives": [3, 2, 0],
        "true_negatives": [4, 2, 0],
        "false_positive_rows": [1, 2, 3],
        "true_negative_rows": [2, 1, 0],
        "precision": [0, 0.2, 1 / 3],
        "recall": [0, 1 / 3, 1],
        "alerts_per_10000": [10_000 * 2 / 9, 10_000 * 5 / 9, 10_000],
        "savings": [-2, 5, 21],
        "savings_share": [-2 / 30, 5 / 30, 21 / 30],
    }


@pytest.mark.parametrize("weight", [1.0, 0.2, 4.82])
def test_every_point_is_what_its_threshold_gives(judged, weight):
    label, probability, amount, alerted = judged
    table = operating_points(label, probability, alerted, weight)
    nothing = (amount + 20)[label == 1].sum()
    for i in range(0, len(table["threshold"]), 7):
        flagged = probability >= table["threshold"][i]
        decision = np.where(flagged, np.where(probability >= 0.9, "decline", "review"), "approve")
        model = judge(label, probability, flagged.astype(np.int8), ledger(decision, label, amount, COSTS))
        expected = values(model, weight)
        for name in ("true_positives", "false_positives", "false_negatives", "true_negatives", "precision", "recall"):
            assert table[name][i] == expected[name], name
        assert table["savings"][i] == pytest.approx(expected["savings"], abs=1e-9 * nothing)
        assert table["savings_share"][i] == pytest.approx(expected["savings_share"])
        assert table["false_positive_rows"][i] == (flagged & (label == 0)).sum()
        assert table["true_negative_rows"][i] == (~flagged & (label == 0)).sum()
        of_all = table["true_positives"][i] + table["false_positives"][i]
        assert table["alerts_per_10000"][i] == pytest.approx(1e4 * of_all / np.where(label, 1, weight).sum())


def test_thresholds_are_distinct_scores_dense_where_alerts_are_few(judged):
    label, probability, _, alerted = judged
    table = operating_points(label, probability, alerted, 1.0)
    threshold = np.array(table["threshold"])
    assert 200 < len(threshold) <= 400
    assert np.isin(threshold, probability).all()
    assert (np.diff(threshold) < 0).all()
    assert (threshold[0], threshold[-1]) == (probability.max(), probability.min())
    alerts = np.array(table["true_positives"]) + table["false_positives"]
    distinct = np.unique(probability)[::-1]
    ranks = np.array([(probability >= score).sum() for score in distinct])
    # Up to each of the first alerts, and later within a few percent, there is a threshold wherever scores part.
    assert np.isin(ranks[ranks <= 10], alerts).all()
    assert (alerts[1:] <= np.maximum(alerts[:-1] * 1.08, alerts[:-1] + 15)).all()


def test_each_fraud_of_few_has_its_threshold():
    rng = np.random.default_rng(1)
    probability = rng.random(5_000)
    label = np.zeros(5_000, np.int8)
    label[:100] = 1
    table = operating_points(label, probability, np.column_stack([label, label + 1, label]), 1.0)
    assert np.isin(probability[:100], table["threshold"]).all()


@pytest.mark.parametrize("review", [0.0123, 0.31415, 0.9])
def test_a_threshold_asked_for_has_the_point_of_its_rule(judged, review):
    label, probability, amount, alerted = judged
    table = operating_points(label, probability, alerted, 4.82, also=[review])
    reached = probability[probability >= review].min()
    at = table["threshold"].index(reached)
    flagged = probability >= review
    decision = np.where(flagged, np.where(probability >= 0.9, "decline", "review"), "approve")
    point = operating_point(label, flagged.astype(np.int8), ledger(decision, label, amount, COSTS), 4.82)
    for name, value in point.items():
        assert table[name][at] == pytest.approx(value), name
    assert len(table["threshold"]) <= 400


def test_a_threshold_that_no_score_reaches_adds_none(judged):
    label, probability, _, alerted = judged
    found = operating_points(label, probability, alerted, 1.0, also=[1.5])
    assert found == operating_points(label, probability, alerted, 1.0)


@pytest.mark.parametrize("also", [[], np.linspace(0.1, 0.9, 100).tolist()])
def test_there_are_never_more_than_400(also):
    rng = np.random.default_rng(2)
    label, probability = (rng.random(1_000_000) < 0.01).astype(np.int8), rng.random(1_000_000)
    table = operating_points(label, probability, np.column_stack([label, label + 1, label]), 1.0, also)
    assert 350 < len(table["threshold"]) <= 400


@pytest.mark.parametrize("weight", [1.0, 0.1234])
def test_a_rule_has_the_figures_of_the_metrics_to_the_last_bit(judged, weight):
    label, probability, amount, _ = judged
    prediction = (probability > amount / 100).astype(np.int8)
    decided = ledger(np.where(prediction == 1, "review", "approve"), label, amount, COSTS)
    point = operating_point(label, prediction, decided, weight)
    expected = values(judge(label, probability, prediction, decided), weight)
    for name in ("true_positives", "false_positives", "false_negatives", "true_negatives", "precision", "recall"):
        assert point[name] == expected[name], name
    assert point["savings"] == pytest.approx(expected["savings"])
    assert point["false_positive_rows"] * weight == point["false_positives"]


def test_a_rule_that_never_alerts_has_no_precision_and_saves_nothing():
    label = np.array([0, 1], dtype=np.int8)
    decided = ledger(np.array(["approve", "approve"]), label, np.array([5.0, 5]), COSTS)
    point = operating_point(label, np.zeros(2, np.int8), decided, 1.0)
    assert (point["precision"], point["recall"], point["alerts_per_10000"], point["savings"]) == (0, 0, 0, 0)
