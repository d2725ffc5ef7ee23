import numpy as np
import pytest

from fraud.costs import CostModel
from fraud.metrics.classification import judge
from fraud.metrics.intervals import bootstrap, interval, values
from fraud.metrics.money import ledger
from fraud.metrics.sensitivity import sensitivity

COSTS = CostModel(fraud_fee=20, analyst_cost=3, lost_custom_fixed=4, lost_custom_share=0.2, review_loss_share=0.7)


@pytest.fixture(scope="module")
def decided():
    rng = np.random.default_rng(3)
    label = (rng.random(300) < 0.1).astype(np.int8)
    probability = np.clip(rng.normal(0.2 + 0.5 * label, 0.2), 0, 1)
    decision = np.where(probability > 0.7, "decline", np.where(probability > 0.4, "review", "approve"))
    return decision, label, rng.lognormal(3, 1.5, 300).round(2)


def test_each_assumption_is_halved_and_doubled(decided):
    found = sensitivity(*decided, COSTS, 4.82, 100, seed=5)
    assert {name: (each["halved"]["assumed"], each["doubled"]["assumed"]) for name, each in found.items()} == {
        "fraud_fee": (10, 40),
        "analyst_cost": (1.5, 6),
        "lost_custom_fixed": (2, 8),
        "lost_custom_share": (0.1, 0.4),
        # No share is above 1.
        "review_loss_share": (0.35, 1),
    }


@pytest.mark.parametrize(("name", "way"), [("fraud_fee", "halved"), ("lost_custom_share", "doubled")])
def test_a_share_is_the_one_that_such_costs_give_on_the_same_draws(decided, name, way):
    decision, label, amount = decided
    found = sensitivity(decision, label, amount, COSTS, 4.82, 50, seed=5)[name][way]
    costs = COSTS.model_copy(update={name: found["assumed"]})
    model = judge(label, np.full(300, 0.5), label, ledger(decision, label, amount, costs))
    drawn = bootstrap({"model": model}, 4.82, 50, seed=5)["model"]["savings_share"]
    assert found["savings_share"] == pytest.approx(interval(values(model, 4.82)["savings_share"], drawn))


def test_a_share_done_by_hand():
    """A fraud of 80 found by a review, one of 60 missed; of 180 lost by approving all, 3 and 80 were spent."""
    label, amount = np.array([1, 1, 0], dtype=np.int8), np.array([80.0, 60, 10])
    decision = np.array(["review", "approve", "approve"])
    found = sensitivity(decision, label, amount, COSTS, 1.0, 100, seed=1)
    share = {way: found["fraud_fee"][way]["savings_share"]["value"] for way in ("halved", "doubled")}
    assert share == pytest.approx({"halved": 87 / 160, "doubled": 117 / 220})
    assert found["analyst_cost"]["doubled"]["savings_share"]["value"] == pytest.approx(94 / 180)
    assert found["lost_custom_fixed"]["doubled"]["savings_share"]["value"] == pytest.approx(97 / 180)
