"""Artefacts of different runs are never reported together."""

import pytest

from fraud.errors import UsageError
from fraud.report import evidence


def test_a_finished_run_is_read(run):
    read = evidence.read(run.build)
    assert len(read.scores) == sum(judged["rows"] for judged in read.metrics["protocols"].values())


@pytest.mark.parametrize("role", ["logistic", "reference"])
def test_what_is_of_the_models_kind_is_called_the_baseline(run, edit, role):
    name = evidence.read(run.build).metrics["protocols"]["random"][role]["name"]
    edit("metrics", lambda metrics: metrics["protocols"]["random"]["model"].update(name=name))
    judged = evidence.read(run.build).metrics["protocols"]["random"]
    assert (judged["model"]["name"], judged[role]["name"]) == (name, f"{name}, baseline")


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("data", "make data"),
        ("validation", "make validate"),
        ("explore", "make explore"),
        ("training", "make train"),
        ("metrics", "make evaluate"),
        ("gate", "make check-model"),
    ],
)
def test_a_missing_artefact_names_its_step(run, name, step):
    (run.build / f"{name}.json").unlink()
    with pytest.raises(UsageError, match=rf"{name}\.json is missing: run `{step}` first"):
        evidence.read(run.build)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("explore", "make explore"),
        ("training", "make train"),
        ("metrics", "make evaluate"),
        ("gate", "make check-model"),
    ],
)
def test_other_data_is_refused(run, edit, name, step):
    edit(name, lambda document: document["provenance"]["data"].update(digest="0" * 64))
    with pytest.raises(UsageError, match=rf"{name}\.json is about other data than data\.json: run `{step}` again"):
        evidence.read(run.build)


def test_other_validated_data_is_refused(run, edit):
    edit("validation", lambda document: document["data"].update(digest="0" * 64))
    with pytest.raises(UsageError, match=r"validation\.json is about other data.*make validate"):
        evidence.read(run.build)


def test_another_prevalence_is_refused(run, edit):
    edit("explore", lambda document: document["provenance"]["settings"].update(prevalence=0.5))
    with pytest.raises(UsageError, match=r"explore\.json was made at a prevalence of 0\.5.*make explore"):
        evidence.read(run.build)


def test_a_verdict_on_another_bundle_is_refused(run, edit):
    edit("gate", lambda document: document["bundles"].update(model="0" * 64))
    with pytest.raises(UsageError, match=r"gate\.json judges other bundles.*make check-model"):
        evidence.read(run.build)


def test_metrics_of_another_bundle_are_refused(run, edit):
    edit("training", lambda document: document["protocols"]["random"].update(digest="0" * 64))
    with pytest.raises(UsageError, match=r"metrics\.json was measured on other bundles.*make evaluate"):
        evidence.read(run.build)


def test_other_scores_are_refused(run):
    path = run.build / "scores.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(UsageError, match=r"scores\.parquet is not the one.*make evaluate"):
        evidence.read(run.build)
