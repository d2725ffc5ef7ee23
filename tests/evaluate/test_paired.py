"""Models are judged on the same draws, and as evaluation judges them."""

import json

import numpy as np
import pandas as pd
import pytest

from fraud.evaluate.paired import paired
from fraud.metrics import delong
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
