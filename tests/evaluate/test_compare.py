"""Two runs are compared as evaluation compares with a champion, on the rows that judge both, or not at all."""

import json

import numpy as np
import pandas as pd
import pytest

from fraud.dataset import split
from fraud.errors import UsageError
from fraud.evaluate import compare, evaluate


@pytest.fixture
def compared(a, b, tmp_path):
    """`compared()`: what the comparison of both runs says."""
    return lambda: compare.run(a, b, tmp_path / "to")


def test_it_is_the_comparison_that_evaluation_makes_with_a_champion(forest_run, run_copy, tmp_path):
    evaluated = evaluate.run(run_copy.model_copy(update={"baseline": forest_run.build}))["protocols"]
    found = compare.run(forest_run.build, run_copy.build, tmp_path)
    for name, judged in evaluated.items():
        told = found["protocols"][name]
        assert told["metrics"] == {"A": judged["champion"]["metrics"], "B": judged["model"]["metrics"]}
        assert told["difference"] == judged["champion"]["difference"]
        assert told["difference"]["average_precision"]["value"] != 0
        assert (told["rows"], told["frauds"]) == (judged["rows"], judged["frauds"])
        assert told["judged"] == {"A": judged["rows"], "B": judged["rows"]}
        assert told["caveats"] == [compare.OTHER_THRESHOLDS]
    assert found["settings"] == {}


def test_what_is_returned_is_written_beside_its_page(compared, tmp_path):
    document = compared()
    assert json.loads((tmp_path / "to" / compare.DOCUMENT).read_text()) == document
    assert document["runs"]["A"]["version"] in (tmp_path / "to" / compare.PAGE).read_text()


def test_a_run_does_not_differ_from_itself(b, tmp_path):
    for judged in compare.run(b, b, tmp_path)["protocols"].values():
        assert judged["caveats"] == [compare.SAME]
        for figure in judged["difference"].values():
            assert (figure["value"], figure["low"], figure["high"]) == (0, 0, 0)


def test_rows_that_judge_one_only_are_left_out_and_said_to_be(compared, a, b, edit, judge_with):
    judge_with(a, lambda scores: scores[(scores["protocol"] != "random") | (scores["row"] % 3 > 0)])
    rows = np.setdiff1d(np.arange(3_000), _judged(a, "random"))
    rest = {"rows_digest": split.digest(rows)}
    edit(a, "metrics", lambda metrics: metrics["protocols"]["random"]["training"].update(rest))
    whole = len(_judged(b, "random"))
    told = compared()["protocols"]["random"]
    assert told["rows"] == len(_judged(a, "random")) < whole
    assert told["caveats"][1:] == [
        f"{whole - told['rows']:,} of the {whole:,} rows that judged B did not judge A, whose model may have seen "
        "them: they are left out"
    ]
    assert told["metrics"]["B"] != compare.run(b, b, a.parent / "other")["protocols"]["random"]["metrics"]["B"]


def test_training_rows_that_nobody_can_tell_are_said_to_flatter(compared, a, edit):
    edit(a, "metrics", lambda metrics: metrics["protocols"]["random"]["training"].update(rows_digest="0" * 64))
    found = compared()["protocols"]
    assert any(caveat.startswith("the training rows of A can't be told") for caveat in found["random"]["caveats"])
    assert found["chronological"]["caveats"] == [compare.OTHER_THRESHOLDS]


def test_the_order_of_rows_does_not_matter(compared, a, judge_with):
    expected = compared()["protocols"]
    judge_with(a, lambda scores: scores.sample(frac=1, random_state=5))
    assert compared()["protocols"] == expected


def test_a_protocol_that_shares_no_rows_has_no_figures_and_the_other_stands(compared, a, judge_with):
    expected = compared()["protocols"]["chronological"]
    judge_with(a, lambda scores: scores[scores["protocol"] != "random"])
    found = compared()["protocols"]
    assert (found["random"]["rows"], found["random"]["metrics"], found["random"]["difference"]) == (0, None, None)
    assert found["chronological"] == expected


def test_without_frauds_that_judge_both_it_is_refused(compared, a, judge_with, tmp_path):
    judge_with(a, lambda scores: scores[scores["label"] == 0])
    with pytest.raises(UsageError, match=r"no frauds and legitimate rows judge both .* the same seed and shares"):
        compared()
    assert not (tmp_path / "to").exists()


def test_other_data_are_refused(compared, a, edit):
    edit(a, "metrics", lambda metrics: metrics["provenance"]["data"].update(digest="0" * 64))
    with pytest.raises(UsageError, match=r"stand on other data .* so no row judges both: evaluate both"):
        compared()


def test_the_same_rows_with_other_amounts_are_refused(compared, a, judge_with):
    judge_with(a, lambda scores: scores.assign(amount=scores["amount"].mask(scores["row"] == scores["row"][0], 1e6)))
    with pytest.raises(UsageError, match="tell different labels, times or amounts of the same rows"):
        compared()


def test_another_prevalence_and_other_costs_are_told_and_those_of_b_hold(compared, a, b, edit):
    expected = compared()

    def other(metrics):
        metrics.update(prevalence=0.2, legitimate_weight=0.5)
        metrics["provenance"]["settings"].update(prevalence=0.2, fraud_fee=99.0)

    edit(a, "metrics", other)
    found = compared()
    assert found["protocols"] == expected["protocols"]
    assert found["settings"] == {"prevalence": {"A": 0.2, "B": 0.01}, "fraud_fee": {"A": 99.0, "B": 15.0}}
    first, second, *_ = found["caveats"]
    assert first.startswith("A was made for a prevalence of 0.2, B for a prevalence of 0.01: a legitimate row weighs")
    assert second == compare.OTHER_COSTS
    turned = compare.run(b, a, a.parent / "turned")
    assert turned["legitimate_weight"] == 0.5
    for name in ("average_precision", "cost"):
        there, here = (each["protocols"]["random"]["metrics"] for each in (turned, expected))
        assert there["A"][name] != here["B"][name]


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_failing_gate_and_a_recipe_that_was_chosen_on_these_rows_are_told(compared, a, b, edit, side):
    for folder in (a, b):
        edit(folder, "gate", lambda gate: gate.update(verdict="pass"))
    assert compared()["caveats"] == []
    folder = a if side == "A" else b
    edit(folder, "gate", lambda gate: gate.update(verdict="fail"))
    edit(folder, "metrics", lambda metrics: metrics["recipe"].update(optimistic=True))
    assert compared()["caveats"] == [
        f"{side} did not pass its gates",
        f"the recipe of {side} was chosen on these rows: its figures are optimistic",
    ]


def _judged(build, protocol):
    scores = pd.read_parquet(build / "scores.parquet")
    return scores.loc[scores["protocol"] == protocol, "row"].to_numpy()
