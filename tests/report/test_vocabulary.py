"""What is said of a metric, and of a difference."""

import json

import pytest

from fraud.report.vocabulary import term, wording

ABOVE = {"value": 0.02, "low": 0.01, "high": 0.03}
BELOW = {"value": -0.02, "low": -0.03, "high": -0.01}
ACROSS = {"value": 0.02, "low": -0.01, "high": 0.05}
TOUCHING = {"value": 0.02, "low": 0.0, "high": 0.05}


@pytest.mark.parametrize("metric", ["recall", "roc_auc", "average_precision", "recall_at_fpr_0.001", "savings_share"])
def test_higher_is_better(metric):
    assert wording(metric, ABOVE) == "better"
    assert wording(metric, BELOW) == "worse"


@pytest.mark.parametrize("metric", ["brier_score", "log_loss", "false_positives", "cost"])
def test_lower_is_better(metric):
    assert wording(metric, ABOVE) == "worse"
    assert wording(metric, BELOW) == "better"


@pytest.mark.parametrize("metric", ["recall", "brier_score"])
@pytest.mark.parametrize("difference", [ACROSS, TOUCHING])
def test_an_interval_that_holds_zero_is_noise(metric, difference):
    assert wording(metric, difference) == "within noise"


@pytest.mark.parametrize(("p", "said"), [(0.049, "better"), (0.05, "within noise"), (0.4, "within noise")])
def test_a_test_that_finds_chance_has_the_last_word(p, said):
    assert wording("recall", ABOVE | {"p": p}) == said


@pytest.mark.parametrize("metric", ["true_positives", "true_negatives", "expected_to_observed", "unheard_of"])
def test_nothing_is_said_where_more_is_not_better(metric):
    assert wording(metric, ABOVE) == wording(metric, ACROSS) == ""


def test_every_metric_that_is_measured_has_its_words(finished_run):
    metrics = json.loads((finished_run.build / "metrics.json").read_text())
    for name in metrics["protocols"]["random"]["model"]["metrics"]:
        assert term(name).label != name
        assert term(name).meaning


def test_limits_stand_in_the_label():
    assert term("recall_at_fpr_0.001").label == "Recall at 0.1% false alarms"
    assert term("precision_at_alert_rate_0.001").label == "Precision at 0.1% alerts"
