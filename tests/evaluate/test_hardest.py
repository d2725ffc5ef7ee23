from dataclasses import asdict, replace

import numpy as np
import pytest

from fraud.evaluate.hardest import hardest


@pytest.fixture
def judged(judged_rows):
    return judged_rows()


def test_the_dearest_missed_frauds_come_first(judged):
    found = hardest(judged)["missed_frauds"]
    prediction = judged.scores["model"].prediction
    missed = np.flatnonzero((judged.label == 1) & (prediction == 0))
    amounts = judged.amount[missed]
    assert len(missed) > 10
    assert [case["amount"] for case in found] == sorted(amounts, reverse=True)[:10]
    assert {case["decision"] for case in found} == {"approve"}
    assert all(case["probability"] < case["threshold"] for case in found)


def test_the_surest_false_alarms_come_first(judged):
    found = hardest(judged)["false_alarms"]
    scores = judged.scores["model"]
    alarms = (judged.label == 0) & (scores.prediction == 1)
    assert 0 < len(found) <= 10
    assert [case["probability"] for case in found] == sorted(scores.probability[alarms], reverse=True)[:10]
    assert all(case["probability"] >= case["threshold"] for case in found)


@pytest.mark.parametrize("kind", ["missed_frauds", "false_alarms"])
def test_a_case_is_told_as_its_row_was_answered(judged, kind):
    scores = judged.scores["model"]
    for case in hardest(judged)[kind]:
        at = judged.rows.tolist().index(case["row"])
        assert (case["time"], case["amount"]) == (judged.time[at], judged.amount[at])
        assert (case["probability"], case["decision"]) == (scores.probability[at], scores.decision[at])
        assert case["threshold"] == scores.threshold[at]
        reasons = judged.scorers["model"].reasons(judged.features[[at]])[0]
        assert [reason["feature"] for reason in case["reasons"]] == [reason.feature for reason in reasons]
        assert case["reasons"][0] == pytest.approx(asdict(reasons[0]))


def test_of_equals_the_earlier_comes_first(judged):
    """Equal amounts, as of a tester's cards, must not be told in an order that changes from run to run."""
    equal = judged.frame.assign(Amount=1.0)
    found = hardest(replace(judged, frame=equal))["missed_frauds"]
    rows = [case["row"] for case in found]
    assert rows == sorted(rows)


def test_where_nothing_went_wrong_there_are_no_cases(judged):
    right = replace(judged.scores["model"], prediction=judged.label)
    assert hardest(replace(judged, scores={"model": right})) == {"missed_frauds": [], "false_alarms": []}
