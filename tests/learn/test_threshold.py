import numpy as np
import pytest

from fraud.bundle import Thresholds
from fraud.costs import CostModel
from fraud.learn.threshold import Limits, choose, highest_recall, least_cost, least_expected_cost
from fraud.metrics.money import ledger
from fraud.settings import Settings

COSTS = CostModel(fraud_fee=20, analyst_cost=3, lost_custom_fixed=4, lost_custom_share=0.2, review_loss_share=0.25)


def case(seed):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(2, 120))
    label = (rng.random(rows) < 0.3).astype(np.int8)
    label[:2] = 0, 1
    levels = int(rng.integers(2, 40))
    probability = (rng.integers(levels, size=rows) + label * rng.integers(0, 3)) / (levels + 3)
    return probability, label, float(rng.choice([1.0, 0.3, 4.0])), float(rng.uniform(0.05, 0.99))


def at(threshold, probability, label, weight):
    flagged = probability >= threshold
    found, alarms = (flagged & (label == 1)).sum(), weight * (flagged & (label == 0)).sum()
    return found / (found + alarms) if flagged.any() else 0.0, found / label.sum()


@pytest.mark.parametrize("seed", range(150))
def test_no_threshold_does_better_by_brute_force(seed):
    probability, label, weight, target = case(seed)
    chosen = highest_recall(probability, label, weight, target)
    precision, recall = at(chosen.threshold, probability, label, weight)
    assert (chosen.precision, chosen.recall) == pytest.approx((precision, recall))
    every = [at(score, probability, label, weight) for score in np.unique(probability)]
    reaching = [r for p, r in every if p >= target]
    assert chosen.reached == bool(reaching)
    if reaching:
        assert precision >= target
        assert recall == pytest.approx(max(reaching))
    else:
        assert precision == pytest.approx(max(p for p, _ in every))


@pytest.mark.parametrize("seed", range(50))
def test_it_lies_midway_between_two_neighbouring_distinct_scores(seed):
    probability, label, weight, target = case(seed)
    threshold = highest_recall(probability, label, weight, target).threshold
    above, below = probability[probability >= threshold], probability[probability < threshold]
    assert threshold == pytest.approx((above.min() + below.max(initial=0)) / 2)
    assert threshold not in probability or threshold == 0


@pytest.mark.parametrize("exponent", range(-60, 0, 7))
def test_between_neighbouring_floats_the_lower_one_is_not_flagged(exponent):
    for start in np.random.default_rng(1).uniform(1, 2, 50) * 2.0**exponent:
        pair = np.array([np.nextafter(start, 4), start])
        threshold = highest_recall(pair, np.array([1, 0], dtype=np.int8), 1.0, 0.9).threshold
        assert (pair >= threshold).tolist() == [True, False]


def test_a_higher_target_never_has_a_lower_threshold():
    probability, label, weight, _ = case(3)
    thresholds = [highest_recall(probability, label, weight, target).threshold for target in np.linspace(0.1, 0.9, 30)]
    reached = [highest_recall(probability, label, weight, target).reached for target in np.linspace(0.1, 0.9, 30)]
    assert sum(reached) > 5
    assert (np.diff(np.array(thresholds)[reached]) >= 0).all()


@pytest.mark.parametrize("seed", range(60))
def test_the_highest_recall_within_a_capacity_by_brute_force(seed):
    probability, label, weight, target = case(seed)
    weights = np.where(label == 1, 1.0, weight)
    for capacity in (0.02, 0.1, 0.4):
        chosen = highest_recall(probability, label, weight, target, capacity)
        assert weights[probability >= chosen.threshold].sum() <= capacity * weights.sum() + 1e-9
        fits = [s for s in np.unique(probability) if weights[probability >= s].sum() <= capacity * weights.sum()]
        reaching = [r for p, r in (at(score, probability, label, weight) for score in fits) if p >= target]
        assert chosen.reached == bool(reaching)
        assert not reaching or chosen.recall == pytest.approx(max(reaching))


def priced(seed, rows=60):
    """Rows of few distinct scores with amounts from cents to thousands."""
    rng = np.random.default_rng(seed)
    label = (rng.random(rows) < 0.3).astype(np.int8)
    label[:2] = 0, 1
    probability = np.clip(np.round(rng.normal(0.25 + 0.4 * label, 0.2), 1), 0.01, 0.99)
    return probability, label, rng.lognormal(3, 1.5, rows).round(2), float(rng.choice([1.0, 0.3, 4.0]))


def decisions(thresholds, probability, amount):
    review, decline = thresholds.applied(amount)
    return np.where(probability >= decline, "decline", np.where(probability >= review, "review", "approve"))


def worth(decision, label, amount, weight):
    """What decisions cost, the share of weight alerted, and the precisions of alerts and of declines (1 of none)."""
    weights = np.where(label == 1, 1.0, weight)
    cost = (weights * ledger(decision, label, amount, COSTS)[:, 0]).sum()
    flags = decision != "approve", decision == "decline"
    precisions = [weights[flag & (label == 1)].sum() / weights[flag].sum() if flag.any() else 1.0 for flag in flags]
    return cost, weights[flags[0]].sum() / weights.sum(), *precisions


@pytest.mark.parametrize("limits", [Limits(), Limits(0.15), Limits(1.0, 0.7, 0.9), Limits(0.2, 0.5, 0.8)])
@pytest.mark.parametrize("seed", range(40))
def test_no_two_thresholds_within_the_limits_cost_less_by_brute_force(seed, limits):
    probability, label, amount, weight = priced(seed)
    chosen = least_cost(probability, label, amount, weight, COSTS, limits)
    cost, *shares = worth(decisions(chosen, probability, amount), label, amount, weight)

    def allowed(alerted, review, decline):
        return alerted <= limits.capacity + 1e-9 and review >= limits.review and decline >= limits.decline

    assert allowed(*shares)
    least = np.inf
    scores = [*np.unique(probability), 2.0]
    for review in scores:
        for decline in (score for score in scores if score >= review):
            other = decisions(Thresholds(review=review, decline=decline), probability, amount)
            paid, *reached = worth(other, label, amount, weight)
            least = min(least, paid) if allowed(*reached) else least
    assert cost == pytest.approx(least)


@pytest.mark.parametrize("seed", range(30))
def test_thresholds_of_cost_lie_midway_too(seed):
    probability, label, amount, weight = priced(seed)
    chosen = least_cost(probability, label, amount, weight, COSTS, Limits())
    for threshold in (chosen.review, chosen.decline):
        above, below = probability[probability >= threshold], probability[probability < threshold]
        assert threshold == pytest.approx((above.min() + below.max(initial=0)) / 2)


def test_where_no_alert_pays_nothing_ever_is_one():
    probability, label, amount, weight = priced(1)
    probability = 1 - probability  # a model that is wrong throughout
    dear = COSTS.model_copy(update={"analyst_cost": 1e6, "lost_custom_fixed": 1e6})
    chosen = least_cost(probability, label, amount, weight, dear, Limits())
    assert chosen.review > 1
    assert chosen.decline is None


@pytest.mark.parametrize("seed", range(20))
def test_by_amount_the_expected_cost_is_least(seed):
    probability, label, amount, weight = priced(seed)
    chosen = least_expected_cost(probability, label, amount, weight, COSTS, Limits())
    assert (chosen.review, chosen.decline, chosen.by_amount.alert_price) == (0, 0, 0)
    legitimate, fraud = COSTS.matrix(amount)
    expected = (1 - probability) * legitimate + probability * fraud
    picked = decisions(chosen, probability, amount)
    paid = np.select([picked == "approve", picked == "review"], [expected[0], expected[1]], expected[2])
    assert paid == pytest.approx(expected.min(0))


@pytest.mark.parametrize("limits", [Limits(0.1), Limits(1.0, 0.7, 0.9), Limits(0.3, 0.9, 0.95), Limits(0.12, 0.5, 0.8)])
@pytest.mark.parametrize("seed", range(40))
def test_by_amount_the_limits_are_kept(seed, limits):
    probability, label, amount, weight = priced(seed)
    chosen = least_expected_cost(probability, label, amount, weight, COSTS, limits)
    _, alerted, review, decline = worth(decisions(chosen, probability, amount), label, amount, weight)
    assert alerted <= limits.capacity + 1e-9
    assert review >= limits.review
    assert decline >= limits.decline


@pytest.mark.parametrize("seed", range(40))
def test_by_amount_a_capacity_is_used_up_by_the_alerts_that_save_most(seed):
    probability, label, amount, weight = priced(seed, 400)
    weights = np.where(label == 1, 1.0, weight)
    capacity = 0.1
    chosen = least_expected_cost(probability, label, amount, weight, COSTS, Limits(capacity))
    assert chosen.by_amount.alert_price > 0
    alerted = decisions(chosen, probability, amount) != "approve"
    legitimate, fraud = COSTS.matrix(amount)
    expected = (1 - probability) * legitimate + probability * fraud
    saved = expected[0] - expected[1:].min(0)
    assert saved[alerted].min() > saved[~alerted].max()
    # The next one would not have fitted, and the price lies midway between the two.
    next_one = weights[saved == saved[~alerted].max()].sum()
    assert weights[alerted].sum() + next_one > capacity * weights.sum()
    assert chosen.by_amount.alert_price == pytest.approx((saved[alerted].min() + saved[~alerted].max()) / 2)


@pytest.mark.parametrize("seed", range(20))
def test_by_amount_a_capacity_that_is_not_used_up_has_no_price(seed):
    probability, label, amount, weight = priced(seed)
    free = least_expected_cost(probability, label, amount, weight, COSTS, Limits())
    assert least_expected_cost(probability, label, amount, weight, COSTS, Limits(0.99)) == free


@pytest.mark.parametrize("seed", range(20))
def test_by_amount_the_floor_is_the_lowest_that_reaches_the_precision(seed):
    probability, label, amount, weight = priced(seed, 300)
    chosen = least_expected_cost(probability, label, amount, weight, COSTS, Limits(1.0, 0.8, 0.0))
    for lower in np.unique(probability[probability < chosen.review]):
        laxer = chosen.model_copy(update={"review": float(lower)})
        _, _, precision, _ = worth(decisions(laxer, probability, amount), label, amount, weight)
        same = (decisions(laxer, probability, amount) == decisions(chosen, probability, amount)).all()
        assert precision < 0.8 or same


@pytest.mark.parametrize("seed", range(20))
def test_by_amount_what_the_precision_keeps_out_takes_no_capacity(seed):
    probability, label, amount, weight = priced(seed, 300)
    free = least_expected_cost(probability, label, amount, weight, COSTS, Limits(1.0, 0.8, 0.0))
    _, alerted, _, _ = worth(decisions(free, probability, amount), label, amount, weight)
    assert least_expected_cost(probability, label, amount, weight, COSTS, Limits(alerted + 1e-9, 0.8, 0.0)) == free


def test_by_amount_a_precision_out_of_reach_declines_nothing_and_rows_that_none_reaches_forbid_nothing():
    probability, label, amount, weight = priced(2, 300)
    reached = least_expected_cost(probability, label, amount, weight, COSTS, Limits(1.0, 0.0, 0.5))
    assert reached.decline is not None
    turned = least_expected_cost(probability, 1 - label, amount, weight, COSTS, Limits(1.0, 0.0, 0.99))
    assert turned.decline is None
    assert least_expected_cost(probability / 100, label, amount, weight, COSTS, Limits()).decline == 0


def chosen_by(**told):
    return choose(*priced(3, 300), Settings(fraud_fee=20, **told))


def test_the_settings_name_the_rule_its_limits_and_its_costs():
    probability, label, amount, weight = priced(3, 300)
    assert chosen_by()[1]["rule"] == "highest recall at a precision of 0.85 on out-of-fold scores"
    assert chosen_by()[0].by_amount is None
    thresholds, record = chosen_by(threshold_rule="cost", analyst_cost=1)
    costs = CostModel(fraud_fee=20, analyst_cost=1)
    assert thresholds == least_cost(probability, label, amount, weight, costs, Limits())
    assert record["rule"] == "least cost on out-of-fold scores"
    assert chosen_by(threshold_rule="by_amount")[1]["rule"] == "least expected cost for each amount"
    thresholds, record = chosen_by(threshold_rule="by_amount", alert_capacity=0.05, precision_floor=True)
    assert thresholds.by_amount.costs == CostModel(fraud_fee=20)
    assert thresholds == least_expected_cost(
        probability, label, amount, weight, CostModel(fraud_fee=20), Limits(0.05, 0.85, 0.95)
    )
    assert record["rule"] == (
        "least expected cost for each amount at a precision of 0.85 with alerts for at most 5% of rows "
        "on out-of-fold scores"
    )


@pytest.mark.parametrize("rule", ["precision", "cost", "by_amount"])
def test_the_record_tells_what_the_thresholds_were_worth(rule):
    probability, label, amount, weight = priced(3, 300)
    thresholds, record = chosen_by(threshold_rule=rule)
    decision = decisions(thresholds, probability, amount)
    _, _, *precisions = worth(decision, label, amount, weight)
    flags = decision != "approve", decision == "decline"
    for told, flag, precision in zip((record["review"], record["decline"]), flags, precisions, strict=True):
        assert told["reached"]
        assert told["precision"] == pytest.approx(precision)
        assert told["recall"] == pytest.approx((flag & (label == 1)).sum() / label.sum())
    assert thresholds.review == record["review"]["threshold"]
    assert thresholds.decline == record["decline"]["threshold"]


def test_a_capacity_limits_the_rule_of_precision_too():
    probability, label, amount, weight = priced(3, 300)
    free, tight = chosen_by()[0], chosen_by(alert_capacity=0.01)[0]
    assert tight.review > free.review
    assert worth(decisions(tight, probability, amount), label, amount, weight)[1] <= 0.01
