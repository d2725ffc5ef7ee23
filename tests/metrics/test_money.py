import numpy as np
import pytest

from fraud.costs import CostModel
from fraud.metrics.classification import judge
from fraud.metrics.intervals import bootstrap, values
from fraud.metrics.money import ledger, savings

COSTS = CostModel(fraud_fee=20, analyst_cost=3, lost_custom_fixed=4, lost_custom_share=0.2, review_loss_share=0.25)


def case(seed):
    rng = np.random.default_rng(seed)
    label = (rng.random(300) < 0.1).astype(np.int8)
    label[:2] = 0, 1
    probability = np.clip(rng.normal(0.2 + 0.5 * label, 0.2), 0, 1)
    decision = np.where(probability > 0.7, "decline", np.where(probability > 0.4, "review", "approve"))
    return label, probability, decision, rng.lognormal(3, 1.5, 300).round(2)


def plainly(label, decision, amount, weight):
    """What the decisions, approving everything, and perfect decisions cost, row by row in plain words."""
    decided = nothing = perfect = 0.0
    for is_fraud, chosen, euros in zip(label, decision, amount, strict=True):
        lost = 4 + 0.2 * euros
        if is_fraud:
            row = {"approve": euros + 20, "review": 3, "decline": 0}
            nothing += euros + 20
        else:
            row = {"approve": 0, "review": weight * (3 + lost / 4), "decline": weight * lost}
        decided += row[chosen]
        perfect += min(row.values())
    return decided, nothing, perfect


def worth(label, probability, decision, amount, weight):
    alerted = (decision != "approve").astype(np.int8)
    return values(judge(label, probability, alerted, ledger(decision, label, amount, COSTS)), weight)


@pytest.mark.parametrize("weight", [1.0, 0.2, 4.82])
@pytest.mark.parametrize("seed", range(10))
def test_cost_and_savings_are_those_of_a_plain_loop(seed, weight):
    label, probability, decision, amount = case(seed)
    found = worth(label, probability, decision, amount, weight)
    decided, nothing, perfect = plainly(label, decision, amount, weight)
    assert found["cost"] == pytest.approx(decided)
    assert found["savings"] == pytest.approx(nothing - decided)
    assert found["savings_share"] == pytest.approx((nothing - decided) / (nothing - perfect))


def test_the_ends_of_the_share_are_doing_nothing_and_knowing_the_labels():
    label, probability, decision, amount = case(1)
    nothing = np.full_like(decision, "approve")
    known = np.where(label == 1, "decline", "approve")
    assert worth(label, probability, nothing, amount, 4.82)["savings_share"] == 0
    assert worth(label, probability, known, amount, 4.82)["savings_share"] == 1
    assert worth(label, probability, np.full_like(decision, "decline"), amount, 4.82)["savings_share"] < 0


def test_a_review_costs_the_analysts_time_of_a_fraud_too():
    label, amount = np.array([1, 0, 1], dtype=np.int8), np.array([100.0, 100, 100])
    cost = ledger(np.array(["review", "review", "decline"]), label, amount, COSTS)
    assert cost[:, 0].tolist() == [3, 9, 0]
    assert cost[:, 1].tolist() == [120, 0, 120]
    assert cost[:, 2].tolist() == [0, 0, 0]


def test_what_can_not_be_saved_is_no_part_of_the_share():
    """Of 100 lost by doing nothing and 20 by a perfect model, the decisions save 60 of 80."""
    assert savings(np.array([[40.0, 100.0, 20.0]]))["savings_share"] == pytest.approx(0.75)


def test_the_draws_are_those_of_the_rows_that_were_drawn():
    label, probability, decision, amount = case(4)
    alerted = (decision != "approve").astype(np.int8)
    model = judge(label, probability, alerted, ledger(decision, label, amount, COSTS))
    drawn = bootstrap({"model": model}, 4.82, 20, seed=5)["model"]
    rng = np.random.default_rng(5)
    legitimate, frauds = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
    taken = [rng.integers(len(rows), size=(20, len(rows))) for rows in (legitimate, frauds)]
    for draw in range(20):
        rows = np.r_[legitimate[taken[0][draw]], frauds[taken[1][draw]]]
        decided, nothing, perfect = plainly(label[rows], decision[rows], amount[rows], 4.82)
        assert drawn["savings_share"][draw] == pytest.approx((nothing - decided) / (nothing - perfect))


def test_without_a_ledger_no_money_is_told():
    label, probability, _, _ = case(2)
    assert not {"cost", "savings", "savings_share"} & values(judge(label, probability, label), 1.0).keys()


def test_an_unknown_decision_is_refused():
    with pytest.raises(ValueError, match="none of approve, review, decline"):
        ledger(np.array(["approve", "maybe"]), np.array([0, 1], dtype=np.int8), np.ones(2), COSTS)
