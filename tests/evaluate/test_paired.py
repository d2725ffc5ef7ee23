"""Models are judged on the same draws, and as evaluation judges them."""

import json

import numpy as np
import pandas as pd
import pytest

from fraud.costs import CostModel
from fraud.evaluate.paired import paired
from fraud.metrics import delong
from fraud.report.vocabulary import wording
from fraud.scorer import Scores

PREFIXES = {"model": "", "reference": "reference_"}


@pytest.fixture(scope="module")
def judged(finished_run):
    """What `metrics.json` says of the random protocol, and the same from the answers that were kept."""
    told = json.loads((finished_run.build / "metrics.json").read_text())
    table = pd.read_parquet(finished_run.build / "scores.parquet")
    table = table[table["protocol"] == "random"]
    scores = {
        role: Scores(
            *(table[f"{prefix}{name}"].to_numpy() for name in ("probability", "prediction", "decision")),
            threshold=np.empty(0),
        )
        for role, prefix in PREFIXES.items()
    }
    label, amount = table["label"].to_numpy(), table["amount"].to_numpy()
    weight, settings = told["legitimate_weight"], finished_run
    found = paired(label, amount, scores, settings.costs, weight, settings.bootstrap_draws, settings.seed)
    return told["protocols"]["random"], found


def test_the_metrics_are_those_of_the_evaluation(judged):
    told, found = judged
    for role in PREFIXES:
        assert found.metrics(role) == told[role]["metrics"]


def test_the_differences_are_those_of_the_evaluation_and_turn_round(judged):
    told, found = judged
    assert found.difference("model", "reference") == told["reference"]["difference"]
    back = found.difference("reference", "model")
    for name, figure in told["reference"]["difference"].items():
        assert back[name]["value"] == -figure["value"]
        assert back[name]["low"] == pytest.approx(-figure["high"])
    scores = [found.scores[role].probability for role in PREFIXES]
    assert back["roc_auc"]["p"] == delong.p_value(found.label, *scores)


def flagging(found, alarms):
    """A model that flags the first so many of 148 frauds, and of 2,000 legitimate rows."""
    flags = np.concatenate([np.arange(2_000) < alarms, np.arange(148) < found]).astype(np.int8)
    return Scores(0.2 + 0.6 * flags, flags, np.where(flags == 1, "review", "approve"), np.empty(0))


@pytest.mark.parametrize(("more", "frauds_p"), [(0, 1), (4, 0.125), (6, 0.03125)])
def test_a_few_rows_that_differ_may_do_so_by_chance(more, frauds_p):
    label = np.concatenate([np.zeros(2_000, np.int8), np.ones(148, np.int8)])
    scores = {"new": flagging(120 + more, 10), "old": flagging(120, 14)}
    found = paired(label, np.full(len(label), 20.0), scores, CostModel(), 3.0, 200, 1).difference("new", "old")
    for name in ("recall", "true_positives", "false_negatives"):
        assert found[name]["p"] == pytest.approx(frauds_p)
    for name in ("false_positives", "true_negatives"):
        assert found[name]["p"] == pytest.approx(0.125)
    for name in ("precision", "f1", "accuracy"):
        assert found[name]["p"] == pytest.approx(2 * min(0.125, frauds_p))
    assert "p" not in found["average_precision"]
    assert wording("recall", found["recall"]) == ("better" if more == 6 else "within noise")
    assert found["false_positives"]["high"] < 0
    assert wording("false_positives", found["false_positives"]) == "within noise"


def test_without_a_mistake_the_interval_still_has_a_width():
    label = np.concatenate([np.zeros(2_000, np.int8), np.ones(148, np.int8)])
    perfect = paired(label, np.full(len(label), 20.0), {"new": flagging(148, 0)}, CostModel(), 1.0, 200, 1)
    assert perfect.metrics("new")["recall"] == {"value": 1, "low": pytest.approx(0.025 ** (1 / 148)), "high": 1}
