import numpy as np
import pandas as pd
import pytest

from checks import parity
from checks.thresholds import ParityLimits
from fraud.bundle import ByAmount, Thresholds
from fraud.costs import CostModel
from fraud.errors import UsageError

REVIEW, DECLINE = 0.3, 0.9
RULE = {protocol: Thresholds(review=REVIEW, decline=DECLINE) for protocol in ("random", "chronological")}
LIMITS = ParityLimits(max_probability_difference=1e-5, near_threshold=1e-6)


def of_bundle(probability, protocol="random"):
    """What `scores.parquet` says of rows whose bundle answered so."""
    probability = np.asarray(probability, dtype=np.float64)
    return pd.DataFrame(
        {
            "protocol": protocol,
            "row": np.arange(len(probability)) * 3,
            "probability": probability,
            "amount": 20.0,
            "decision": np.select([probability >= DECLINE, probability >= REVIEW], ["decline", "review"], "approve"),
        }
    )


@pytest.fixture
def scores():
    return of_bundle(np.linspace(0, 1, 101) + 1e-4)


def judged(scores, pipeline, rule=RULE):
    return {gate.name: gate for gate in parity.gates(scores, pipeline, rule, LIMITS)}


def answers(scores, difference=0.0):
    pipeline = scores[["protocol", "row", "probability"]].copy()
    pipeline["probability"] -= difference
    return pipeline


def test_equal_answers_pass(scores):
    gates = judged(scores, answers(scores))
    assert [gate.passed for gate in gates.values()] == [True, True]
    assert gates["random: parity of probability"].value == 0


def test_the_order_of_the_rows_does_not_matter(scores):
    assert all(gate.passed for gate in judged(scores, answers(scores).sample(frac=1, random_state=1)).values())


@pytest.mark.parametrize(("difference", "passed"), [(9e-6, True), (-9e-6, True), (1.1e-5, False), (-1.1e-5, False)])
def test_one_row_that_differs_too_far_fails(scores, difference, passed):
    pipeline = answers(scores)
    pipeline.loc[50, "probability"] += difference
    gate = judged(scores, pipeline)["random: parity of probability"]
    assert gate.passed is passed
    assert gate.value == pytest.approx(abs(difference))


@pytest.mark.parametrize("side", [1, -1])
def test_a_decision_may_differ_only_next_to_the_threshold(side):
    scores = of_bundle([0.1, REVIEW + side * 5e-7, 0.95])
    near = answers(scores)
    near.loc[1, "probability"] = REVIEW - side * 5e-7
    gate = judged(scores, near)["random: parity of decisions"]
    assert (gate.passed, gate.value) == (True, 0)
    assert gate.detail == "1 of 3 differ within 1e-06 of the threshold"
    far = answers(scores)
    far.loc[1, "probability"] = REVIEW - side * 5e-6
    gate = judged(scores, far)["random: parity of decisions"]
    assert (gate.passed, gate.value) == (False, 1)


def test_each_row_is_held_to_the_thresholds_of_its_own_amount():
    costs = CostModel()
    rule = Thresholds(review=0.01, decline=None, by_amount=ByAmount(costs=costs, alert_price=0.0))
    [at], _ = costs.thresholds(np.array([80.0]))
    scores = of_bundle([0.05, at + 1e-4, 0.05]).assign(amount=[5.0, 80.0, 5_000.0])
    scores["decision"] = ["approve", "review", "review"]
    assert judged(scores, answers(scores), {"random": rule})["random: parity of decisions"].passed
    pipeline = answers(scores)
    pipeline.loc[1, "probability"] -= 2e-4
    gate = judged(scores, pipeline, {"random": rule})["random: parity of decisions"]
    assert (gate.passed, gate.value) == (False, 1)
    scores.loc[1, "probability"], pipeline.loc[1, "probability"] = at, at - 5e-7
    gate = judged(scores, pipeline, {"random": rule})["random: parity of decisions"]
    assert (gate.passed, gate.detail) == (True, "1 of 3 differ within 1e-06 of the threshold")


@pytest.mark.parametrize("side", [1, -1])
def test_what_one_only_reviews_the_other_may_not_decline(side):
    scores = of_bundle([0.1, DECLINE + side * 1e-4])
    pipeline = answers(scores)
    pipeline.loc[1, "probability"] -= side * 2e-4
    assert not judged(scores, pipeline)["random: parity of decisions"].passed
    near = answers(of_bundle([0.1, DECLINE + side * 4e-7]))
    near.loc[1, "probability"] -= side * 8e-7
    gate = judged(of_bundle([0.1, DECLINE + side * 4e-7]), near)["random: parity of decisions"]
    assert (gate.passed, gate.detail) == (True, "1 of 2 differ within 1e-06 of the threshold")


def test_near_one_threshold_is_not_near_the_other():
    scores = of_bundle([0.1, 0.2])
    pipeline = answers(scores)
    pipeline.loc[1, "probability"] = DECLINE - 5e-7
    assert judged(scores, pipeline)["random: parity of decisions"].value == 1


def test_each_protocol_is_judged_for_itself(scores):
    past = of_bundle([0.2, 0.4], "chronological")
    both = pd.concat([scores, past])
    pipeline = answers(both)
    pipeline.loc[(pipeline["protocol"] == "chronological") & (pipeline["row"] == 0), "probability"] = 0.9
    gates = judged(both, pipeline)
    assert [name for name, gate in gates.items() if not gate.passed] == [
        "chronological: parity of probability",
        "chronological: parity of decisions",
    ]


@pytest.mark.parametrize(
    "other",
    [
        lambda pipeline: pipeline.head(-1),
        lambda pipeline: pipeline.assign(row=pipeline["row"] + 1),
        lambda pipeline: pd.concat([pipeline, pipeline.head(1)]),
        lambda pipeline: pipeline.assign(protocol="chronological"),
        lambda pipeline: pipeline.assign(probability=pipeline["probability"].where(pipeline["row"] != 9)),
    ],
)
def test_answers_for_other_rows_are_refused(scores, other):
    with pytest.raises(UsageError, match=r"hold other rows: remove both and run `make evaluate`"):
        parity.gates(scores, other(answers(scores)), RULE, LIMITS)
