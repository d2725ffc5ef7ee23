import numpy as np
import pytest

from fraud.explore.rhythm import amount_and_time, fraud_share_by_hour
from fraud.explore.view import View


def test_medians_and_quiet_hours_are_those_of_the_rows(view, transactions):
    chart = amount_and_time(view)
    fraud = transactions["Class"] == 1
    assert chart.numbers["median_amount"]["fraud"] == transactions.loc[fraud, "Amount"].median()
    assert chart.numbers["median_amount"]["legitimate"] == transactions.loc[~fraud, "Amount"].median()
    assert chart.numbers["quiet_hours"] == [0, 1, 2, 3, 4, 5]
    hour = transactions["Time"] % 86_400 // 3_600
    assert chart.numbers["share_in_quiet_hours"]["fraud"] == (hour[fraud] < 6).mean()


@pytest.mark.parametrize("key", ["amount", "time"])
def test_each_class_adds_up_to_all_of_its_rows(view, key):
    for share in amount_and_time(view).numbers[key]["percent"].values():
        assert sum(share) == pytest.approx(100, abs=0.01)


def test_an_amount_of_zero_has_a_bin_of_its_own(view, transactions):
    share = amount_and_time(view).numbers["amount"]["percent"]["legitimate"][0]
    legitimate = transactions.loc[transactions["Class"] == 0, "Amount"]
    assert share == pytest.approx(100 * (legitimate == 0).mean(), abs=0.001)
    assert share > 0


def test_a_quiet_hour_is_one_with_few_transactions_for_the_time_that_is_covered(transactions):
    """Hours 6 to 17, covered once, hold fewer transactions than hours 0 to 5, covered twice, but more each time."""
    twice = np.repeat([*range(6), *range(24, 30)], 20)
    once = np.repeat(range(6, 24), 30)
    frame = transactions.tail(len(twice) + len(once) + 1).assign(Class=0)
    frame["Time"] = [0, *(3_600.0 * np.concatenate([twice, once]) + 1_800)]
    frame.iloc[0, frame.columns.get_loc("Class")] = 1
    assert amount_and_time(View(frame)).numbers["quiet_hours"] == [0, 1, 2, 3, 4, 5]


def test_the_hour_of_the_frauds_stands_out(view):
    chart = fraud_share_by_hour(view)
    assert chart.title.startswith("Fraud share is most surely high in hour 3")
    assert chart.numbers["hours"][3]["low"] > chart.numbers["average"] == 0.02


def test_the_interval_is_wilson_s():
    """Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I: .2553 to .3662."""
    from fraud.explore.rhythm import _share

    row = _share(0, 81, 263, 1.0)
    assert (row["low"], row["high"]) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


def test_weights_move_share_and_interval_together(view, weighted):
    plain, moved = (fraud_share_by_hour(each).numbers for each in (view, weighted))
    assert moved["average"] == pytest.approx(0.002)
    for before, after in zip(plain["hours"], moved["hours"], strict=True):
        legitimate = before["rows"] - before["frauds"]
        assert after["share"] == pytest.approx(before["frauds"] / (before["frauds"] + weighted.weight * legitimate))
        assert after["low"] <= after["share"] <= after["high"] < before["high"]


def test_hours_without_a_transaction_are_left_out(transactions):
    morning = View(transactions[transactions["Time"] % 86_400 < 12 * 3_600])
    assert [row["hour"] for row in fraud_share_by_hour(morning).numbers["hours"]] == list(range(12))


def test_days_do_not_matter_to_the_hour(transactions):
    later = transactions.assign(Time=transactions["Time"] + 7 * 86_400)
    shares = [fraud_share_by_hour(View(frame)).numbers["hours"] for frame in (transactions, later)]
    assert shares[0] == shares[1]
    assert np.sum([row["rows"] for row in shares[0]]) == len(transactions)
