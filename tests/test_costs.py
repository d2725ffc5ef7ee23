"""What decisions cost, and where one becomes cheaper than another."""

import numpy as np
import pytest
from pydantic import ValidationError

from fraud.costs import DECISIONS, CostModel

COSTS = CostModel(fraud_fee=20, analyst_cost=3, lost_custom_fixed=4, lost_custom_share=0.2, review_loss_share=0.25)
AMOUNTS = np.array([0.0, 0.5, 9.99, 100, 2_500, 1e9])


def drawn(seed):
    """A cost model of any proportions, some without a place for review."""
    rng = np.random.default_rng(seed)
    euros = {name: float(10 ** rng.uniform(-2, 3)) for name in ("fraud_fee", "analyst_cost", "lost_custom_fixed")}
    shares = {name: float(rng.choice([0, rng.random(), 1])) for name in ("lost_custom_share", "review_loss_share")}
    return CostModel(**euros, **shares)


def test_each_decision_costs_what_the_table_says():
    legitimate, fraud = COSTS.matrix(np.array([100.0]))[:, :, 0].tolist()
    assert dict(zip(DECISIONS, fraud, strict=True)) == {"approve": 120, "review": 3, "decline": 0}
    assert dict(zip(DECISIONS, legitimate, strict=True)) == {"approve": 0, "review": 3 + 0.25 * 24, "decline": 24}


def test_the_label_picks_the_row_of_the_table():
    amount = np.array([100.0, 100, 7])
    cost = COSTS.of(np.array([0, 1, 1], dtype=np.int8), amount)
    matrix = COSTS.matrix(amount)
    assert np.array_equal(cost, np.column_stack([matrix[0, :, 0], matrix[1, :, 1], matrix[1, :, 2]]))


@pytest.mark.parametrize("price", [0.0, 1.7, 80.0])
@pytest.mark.parametrize("seed", range(60))
def test_at_any_probability_the_thresholds_pick_the_decision_that_is_expected_to_cost_least(seed, price):
    costs = drawn(seed)
    review, decline = costs.thresholds(AMOUNTS, price)
    assert (review <= decline).all()
    for probability in np.r_[np.linspace(0, 1, 301), np.clip(np.r_[review, decline], 0, 1) + 1e-7]:
        if probability > 1:
            continue
        matrix = costs.matrix(AMOUNTS) + np.array([0, price, price])[:, None]
        expected = (1 - probability) * matrix[0] + probability * matrix[1]
        picked = np.where(probability >= decline, 2, np.where(probability >= review, 1, 0))
        paid = expected[picked, np.arange(len(AMOUNTS))]
        assert paid == pytest.approx(expected.min(0), rel=1e-9, abs=1e-9)


def test_the_threshold_of_an_alert_is_elkans():
    """(c10 - c00) / (c10 - c00 + c01 - c11): an analyst and a share of lost custom against a saved amount and fee."""
    review, decline = COSTS.thresholds(np.array([100.0]))
    assert review == pytest.approx(9 / (9 + 117))
    assert decline == pytest.approx((24 - 9) / (24 - 9 + 3))


def test_where_review_never_pays_nothing_lies_between_the_thresholds():
    costs = COSTS.model_copy(update={"analyst_cost": 1_000.0})
    review, decline = costs.thresholds(np.array([100.0]))
    assert review == decline == pytest.approx(24 / (24 + 120))
    review, decline = COSTS.model_copy(update={"review_loss_share": 1.0}).thresholds(np.array([100.0]))
    assert review == decline == pytest.approx(24 / (24 + 120))


def test_a_larger_amount_is_alerted_sooner_and_declined_later():
    review, decline = CostModel().thresholds(np.array([2.0, 20, 200, 2_000]))
    assert (np.diff(review) < 0).all()
    assert (np.diff(decline) > 0).all()


def test_a_price_of_alerts_raises_the_first_threshold_and_leaves_the_second():
    amounts = AMOUNTS[2:]  # of smaller ones, none is worth a review
    free, priced = COSTS.thresholds(amounts), COSTS.thresholds(amounts, 0.5)
    assert (priced[0] > free[0]).all()
    assert priced[1] == pytest.approx(free[1])


def test_a_negative_amount_counts_as_none():
    assert np.array_equal(COSTS.thresholds(np.array([-50.0])), COSTS.thresholds(np.array([0.0])))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fraud_fee", 0),
        ("analyst_cost", 0),
        ("lost_custom_fixed", 0),
        ("fraud_fee", float("inf")),
        ("analyst_cost", float("nan")),
        ("lost_custom_share", -0.1),
        ("review_loss_share", 1.1),
        ("alert_fee", 1),
    ],
)
def test_what_is_no_cost_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        CostModel(**{name: value})
