"""What the document says of the model that ships, held against its scores and its metrics."""

import json

import numpy as np
import pandas as pd
import pytest

from fraud import bundle
from fraud.evaluate import evaluate

ROLE = "model"


@pytest.fixture(scope="module")
def document(finished_run):
    return json.loads((finished_run.build / "metrics.json").read_text())


@pytest.fixture(scope="module", params=bundle.FOLDERS)
def told(document, finished_run, request):
    """The record of a protocol's model, and its scores."""
    scores = pd.read_parquet(finished_run.build / "scores.parquet").query("protocol == @request.param")
    return document["protocols"][request.param][ROLE], scores


def test_the_chosen_rule_is_the_one_that_the_metrics_judge(told):
    model, scores = told
    chosen = model["operating_points"]["chosen"]
    for name in ("true_positives", "false_positives", "false_negatives", "true_negatives", "precision", "recall"):
        assert chosen[name] == model["metrics"][name]["value"], name
    for name in ("savings", "savings_share"):
        assert chosen[name] == pytest.approx(model["metrics"][name]["value"])
    alerts = scores.loc[scores["prediction"] == 1, "weight"].sum()
    assert chosen["alerts_per_10000"] == pytest.approx(10_000 * alerts / scores["weight"].sum())


def test_at_the_chosen_threshold_one_threshold_does_what_the_rule_does(told):
    model, scores = told
    points = model["operating_points"]["points"]
    at = points["threshold"].index(scores.loc[scores["prediction"] == 1, "probability"].min())
    for name, value in model["operating_points"]["chosen"].items():
        assert points[name][at] == pytest.approx(value), name


def test_above_the_chosen_threshold_alerts_are_declined_where_the_rule_declines(told, finished_run):
    model, scores = told
    points, decline = model["operating_points"]["points"], model["thresholds"]["decline"]
    costs = finished_run.costs
    fraud = scores["label"] == 1
    for at in range(0, len(points["threshold"]), 23):
        alert = scores["probability"] >= points["threshold"][at]
        declined = alert & (scores["probability"] >= (np.inf if decline is None else decline))
        lost = costs.lost_custom_fixed + costs.lost_custom_share * scores["amount"]
        saved = (scores["amount"] + costs.fraud_fee)[alert & fraud].sum()
        saved -= costs.analyst_cost * scores["weight"][alert & ~declined].sum()
        saved -= costs.review_loss_share * (scores["weight"] * lost)[alert & ~declined & ~fraud].sum()
        saved -= (scores["weight"] * lost)[declined & ~fraud].sum()
        assert points["savings"][at] == pytest.approx(saved)


@pytest.mark.parametrize(
    ("by", "edges"), [("amount", [None, 10, 50, 100, 500, None]), ("hour", [None, 6, 12, 18, None])]
)
def test_slices_part_the_rows(told, by, edges):
    model, scores = told
    bands = model["slices"][by]
    assert [band["from"] for band in bands] == edges[:-1]
    assert [band["to"] for band in bands] == edges[1:]
    along = scores["amount"] if by == "amount" else scores["time"] % 86_400 / 3600
    for band in bands:
        low, high = -np.inf if band["from"] is None else band["from"], np.inf if band["to"] is None else band["to"]
        rows = scores[(along >= low) & (along < high)]
        assert (band["rows"], band["frauds"]) == (len(rows), rows["label"].sum())
        if band["recall"]:
            assert band["recall"]["value"] == pytest.approx(rows.loc[rows["label"] == 1, "prediction"].mean())


def test_the_period_is_halved_by_time(told):
    model, scores = told
    first, second = model["slices"]["period"]
    middle = (scores["time"].min() + scores["time"].max()) / 2
    assert first["to"] == second["from"] == middle
    assert (first["rows"], second["rows"]) == ((scores["time"] < middle).sum(), (scores["time"] >= middle).sum())


def test_the_hardest_cases_are_rows_that_were_judged(told):
    model, scores = told
    by_row = scores.set_index("row")
    for kind, label, prediction in (("missed_frauds", 1, 0), ("false_alarms", 0, 1)):
        wrong = (scores["label"] == label) & (scores["prediction"] == prediction)
        assert len(model["hardest"][kind]) == min(10, wrong.sum())
        for case in model["hardest"][kind]:
            row = by_row.loc[case["row"]]
            assert (row["label"], row["prediction"]) == (label, prediction)
            assert (row["time"], row["amount"], row["threshold"]) == (case["time"], case["amount"], case["threshold"])
            assert (row["probability"], row["decision"]) == (case["probability"], case["decision"])


def test_what_follows_the_money_follows_the_costs_and_the_rest_stays(run_copy, document):
    other = evaluate.run(run_copy.model_copy(update={"fraud_fee": 30.0}))
    for name, judged in other["protocols"].items():
        before, after = document["protocols"][name][ROLE], judged[ROLE]
        for kept in ("slices", "hardest", "importance", "drift"):
            assert after[kept] == before[kept], kept
        # The fee that was doubled here is the one that was doubled there.
        doubled = before["sensitivity"]["fraud_fee"]["doubled"]
        assert doubled == {"assumed": 30.0, "savings_share": pytest.approx(after["metrics"]["savings_share"])}


def test_each_amount_has_its_own_threshold_and_the_table_still_stands(run_copy):
    """A rule that depends on the amount is no point of the table, and nothing of the table depends on its floor."""
    for folders in bundle.FOLDERS.values():
        read = bundle.read(run_copy.build / folders[ROLE])
        rule = bundle.ByAmount(costs=run_copy.costs, alert_price=0.0)
        thresholds = bundle.Thresholds(review=0.05, decline=None, by_amount=rule)
        bundle.write(
            run_copy.build / folders[ROLE],
            read.model,
            read.manifest.model_copy(update={"thresholds": thresholds}),
            read.reasons,
        )
    found = evaluate.run(run_copy)["protocols"]
    for judged in found.values():
        chosen, metrics = judged[ROLE]["operating_points"]["chosen"], judged[ROLE]["metrics"]
        assert chosen["savings"] == pytest.approx(metrics["savings"]["value"])
        assert chosen["false_positives"] == metrics["false_positives"]["value"]
