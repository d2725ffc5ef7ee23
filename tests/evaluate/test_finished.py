"""A run is read whole and of one piece, or refused with the step that mends it."""

import numpy as np
import pytest

from fraud import artefacts
from fraud.errors import UsageError
from fraud.evaluate import finished


def test_what_a_run_left_is_read(b):
    read = finished.read(b)
    assert read.metrics.provenance.settings.costs.fraud_fee == 15
    for name, judged in read.judged.items():
        rows = judged.index.to_numpy()[5:50:3]
        answers = read.answers(name, rows)
        assert np.array_equal(answers.probability, judged.loc[rows, "probability"])
        assert np.array_equal(answers.prediction, (answers.decision != "approve").astype(np.int8))
        assert read.trained_on_the_rest(name)


def test_training_rows_that_are_not_the_rest_are_noticed(b, judge_with):
    judge_with(b, lambda scores: scores[scores["row"] % 7 > 0])
    assert not any(finished.read(b).trained_on_the_rest(name) for name in ("random", "chronological"))


@pytest.mark.parametrize(
    ("name", "step"),
    [("metrics.json", "make evaluate"), ("scores.parquet", "make evaluate"), ("gate.json", "make check-model")],
)
def test_a_missing_artefact_names_its_step(b, name, step):
    (b / name).unlink()
    with pytest.raises(UsageError, match=rf"{name} is missing: run `{step}`"):
        finished.read(b)


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda metrics: metrics.pop("provenance"), "provenance"),
        (lambda metrics: metrics["protocols"].pop("random"), "protocols"),
        (lambda metrics: metrics["protocols"]["random"].update(model=None), r"protocols\.random\.model"),
        (lambda metrics: metrics["provenance"]["settings"].update(seed="many"), r"provenance\.settings\.seed"),
        (lambda metrics: metrics.update(legitimate_weight=float("nan")), "legitimate_weight"),
    ],
)
def test_damaged_metrics_are_refused_by_the_place(b, edit, damage, where):
    edit(b, "metrics", damage)
    with pytest.raises(UsageError, match=rf"metrics\.json is damaged or of another version, at {where}: run `make ev"):
        finished.read(b)


def test_scores_that_were_changed_are_refused(b):
    path = b / "scores.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(UsageError, match=r"scores\.parquet is not the one that metrics\.json was made with"):
        finished.read(b)


def test_scores_without_a_column_are_refused(b, judge_with):
    judge_with(b, lambda scores: scores.drop(columns="decision"))
    with pytest.raises(UsageError, match=r"scores\.parquet lacks decision: run `make evaluate` again"):
        finished.read(b)


def test_a_verdict_on_other_bundles_is_refused(b, edit):
    edit(b, "gate", lambda gate: gate["bundles"].update(model="0" * 64))
    with pytest.raises(UsageError, match=r"gate\.json judges other bundles.*make check-model"):
        finished.read(b)


def test_scores_that_are_no_table_are_refused_in_one_line(b, edit):
    path = b / "scores.parquet"
    path.write_bytes(b"PAR1 and no more")
    edit(b, "metrics", lambda metrics: metrics.update(scores_digest=artefacts.sha256(path)))
    with pytest.raises(UsageError, match=r"scores\.parquet can't be read.*make evaluate") as refused:
        finished.read(b)
    assert "\n" not in str(refused.value)
