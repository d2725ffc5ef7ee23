import numpy as np
import pytest
from sklearn import metrics as sk

from fraud.metrics.classification import ALERT_RATES, FALSE_POSITIVE_RATES, judge
from fraud.metrics.intervals import values


def case(seed):
    """Small judged rows, most of them tied: probabilities from a few levels, any threshold."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(2, 400))
    label = (rng.random(rows) < rng.uniform(0.02, 0.6)).astype(np.int8)
    label[:2] = 0, 1
    levels = int(rng.integers(2, 60))
    probability = np.clip((rng.integers(levels, size=rows) + 2 * label) / (levels + 2), 0.001, 0.999)
    prediction = (probability >= rng.random()).astype(np.int8)
    weight = float(rng.choice([1.0, 0.2036, 4.87]))
    return label, probability, prediction, weight, np.where(label == 1, 1.0, weight)


@pytest.mark.parametrize("seed", range(60))
def test_every_metric_equals_scikit_learns_with_weights(seed):
    label, probability, prediction, weight, weights = case(seed)
    ours = values(judge(label, probability, prediction), weight)
    given = {"sample_weight": weights}
    table = sk.confusion_matrix(label, prediction, **given)
    expected = {
        "true_negatives": table[0, 0],
        "false_positives": table[0, 1],
        "false_negatives": table[1, 0],
        "true_positives": table[1, 1],
        "precision": sk.precision_score(label, prediction, zero_division=0, **given),
        "recall": sk.recall_score(label, prediction, **given),
        "f1": sk.f1_score(label, prediction, **given),
        "accuracy": sk.accuracy_score(label, prediction, **given),
        "roc_auc": sk.roc_auc_score(label, probability, **given),
        "average_precision": sk.average_precision_score(label, probability, **given),
        "brier_score": sk.brier_score_loss(label, probability, **given),
        "log_loss": sk.log_loss(label, probability, **given),
    }
    for name, value in expected.items():
        assert ours[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("rate", FALSE_POSITIVE_RATES)
def test_recall_at_a_false_positive_rate_is_the_highest_of_the_roc_curve_within_it(seed, rate):
    label, probability, prediction, weight, weights = case(seed)
    rates, recalls, _ = sk.roc_curve(label, probability, sample_weight=weights, drop_intermediate=False)
    ours = values(judge(label, probability, prediction), weight)[f"recall_at_fpr_{rate:g}"]
    assert ours == pytest.approx(recalls[rates <= rate * (1 + 1e-9)].max())


def test_a_false_positive_rate_that_is_met_exactly_counts_at_any_weight():
    label = np.r_[np.zeros(700), np.ones(2)].astype(np.int8)
    probability = np.r_[np.full(7, 0.9), np.full(693, 0.1), [0.95, 0.8]]
    prediction = np.zeros(702, dtype=np.int8)
    for weight in np.random.default_rng(0).uniform(0.01, 10, 300):
        # Seven false alarms in 700 stand above the second fraud.
        assert values(judge(label, probability, prediction), weight)["recall_at_fpr_0.01"] == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate", ALERT_RATES)
def test_the_alert_rate_metrics_are_the_mean_over_random_orders_of_ties(seed, rate):
    rng = np.random.default_rng(seed)
    rows, capacity = round(8 / rate), 8
    label = (np.arange(rows) < 60).astype(np.int8)
    # The three highest scores are shared by about four rows each, so that the eight alerts end inside a tie.
    probability = rng.choice([0.9, 0.8, 0.7, 0.1], rows, p=[0.0005, 0.0005, 0.0005, 0.9985])
    probability[:40] = rng.choice([0.9, 0.8, 0.7, 0.1], 40, p=[0.05, 0.05, 0.05, 0.85])
    ours = values(judge(label, probability, np.zeros(rows, dtype=np.int8)), 1.0)
    alerts = []
    for _ in range(400):
        order = np.lexsort((rng.random(rows), -probability))
        alerts.append(label[order[:capacity]].sum())
    margin = 5 * np.std(alerts) / np.sqrt(len(alerts)) + 1e-9
    assert ours[f"precision_at_alert_rate_{rate:g}"] * capacity == pytest.approx(np.mean(alerts), abs=margin)
    assert ours[f"recall_at_alert_rate_{rate:g}"] * 60 == pytest.approx(np.mean(alerts), abs=margin)


@pytest.mark.parametrize("weight", [1.0, 0.2036, 4.87])
def test_the_alerts_of_a_perfect_ranking_are_all_frauds(weight):
    """Also where the capacity is no whole number of rows."""
    label = (np.arange(5_000) < 50).astype(np.int8)
    ours = values(judge(label, np.linspace(1, 0, 5_000), label), weight)
    assert ours["precision_at_alert_rate_0.001"] == pytest.approx(1)
    assert ours["recall_at_alert_rate_0.001"] == pytest.approx(0.001 * (50 + weight * 4_950) / 50)


def test_expected_to_observed_is_the_weighted_sum_of_probabilities_over_the_frauds():
    label, probability, prediction, weight, weights = case(5)
    ours = values(judge(label, probability, prediction), weight)["expected_to_observed"]
    assert ours == pytest.approx((weights * probability).sum() / label.sum())


def test_a_model_that_flags_nothing_has_no_precision_and_no_recall():
    label, probability, _, weight, _ = case(1)
    ours = values(judge(label, probability, np.zeros_like(label)), weight)
    assert (ours["precision"], ours["recall"], ours["f1"]) == (0, 0, 0)


def test_a_wrong_certainty_costs_a_finite_log_loss():
    label = np.array([0, 1], dtype=np.int8)
    ours = values(judge(label, np.array([1.0, 0.0]), label), 1.0)["log_loss"]
    assert ours == pytest.approx(sk.log_loss(label, [1.0, 0.0]))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 1.1])
def test_what_is_no_probability_is_refused(wrong):
    label = np.array([0, 1, 0], dtype=np.int8)
    with pytest.raises(ValueError, match="probabilities"):
        judge(label, np.array([0.1, 0.9, wrong]), label)


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_can_not_judge(only):
    label = np.full(3, only, dtype=np.int8)
    with pytest.raises(ValueError, match="both classes"):
        judge(label, np.array([0.1, 0.5, 0.9]), label)
