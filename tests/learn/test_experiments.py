"""The steps `select` and `experiments` on a small registry: what they write, keep, cut off and take up again."""

import json

import pandas as pd
import pytest
import tomli_w

from fraud import settings
from fraud.dataset import source, split
from fraud.errors import UsageError
from fraud.learn import candidates, chosen, experiments, selection
from fraud.learn.select import Effort
from fraud.learn.study import Plan

PLAN = Plan(folds=3, rounds=1, blocks=2, inner=Effort(folds=2, blocks=2, rungs=1, draws=40), draws=60)
TREES = {"estimator": "lightgbm", "description": "trees", "parameters": {"n_estimators": 12, "min_child_samples": 5}}
FEW = {
    "logistic": {
        "estimator": "logistic regression",
        "description": "a line",
        "scale": "all",
        "parameters": {"C": 0.1},
        "search": {"C": {"low": 0.001, "high": 1.0, "log": True}},
        "attempts": 3,
    },
    "lightgbm": TREES,
    "lightgbm-defaults": {**TREES, "description": "as it comes"},
    "imbalance-nothing": {"like": "lightgbm", "description": "nothing", "study": "imbalance"},
    "imbalance-under": {
        "like": "imbalance-nothing",
        "description": "less",
        "resample": "under",
        "legitimate_a_fraud": 3,
    },
    "features-none": {"like": "lightgbm", "description": "none", "study": "features"},
    "features-hour": {"like": "features-none", "description": "hour", "engineered": ["hour"], "time": "as given"},
}


@pytest.fixture
def asked(tmp_path, draw, clean_settings, monkeypatch):
    """Settings of a build of its own whose data are settled, a small registry, and a recipe to write."""
    draw(700, 80, 9).to_csv(tmp_path / "rows.csv", index=False)
    clean_settings(build=tmp_path / "build", data=tmp_path / "rows.csv", prevalence=0.02, bootstrap_draws=100, jobs=1)
    registry = tmp_path / "candidates.toml"
    registry.write_text(tomli_w.dumps(FEW))
    monkeypatch.setattr(experiments, "registry", lambda: candidates.registry(registry))
    monkeypatch.setattr(chosen, "PATH", tmp_path / "recipe.toml")
    source.run(settings.load())
    return settings.load()


@pytest.fixture
def fits(monkeypatch):
    """A list that grows with each model that is really fitted."""
    done = []
    fitted = selection.fit
    monkeypatch.setattr(
        selection, "fit", lambda candidate, *rest: done.append(candidate.name) or fitted(candidate, *rest)
    )
    return done


def test_the_recipe_names_the_rows_that_it_was_chosen_on(asked):
    choice = experiments.run_select(asked)
    frame, _ = source.opened(asked)
    told = chosen.read()
    assert told.candidate == choice.candidate
    assert told.candidate.name in ("logistic", "lightgbm")
    assert not told.candidate.search
    assert told.chosen_on.digest == split.content_digest(frame)
    assert (told.chosen_on.rows, told.chosen_on.frauds, told.chosen_on.prevalence) == (700, frame["Class"].sum(), 0.02)
    kept = json.loads((asked.build / "experiments" / "selection.json").read_text())
    assert kept["chosen"] == told.candidate.name
    assert set(kept["trials"]) == {"logistic", "lightgbm"}
    assert kept["one_row_milliseconds"] > 0


def test_choosing_again_fits_nothing_anew_and_writes_the_same(asked, fits):
    experiments.run_select(asked)
    recipe, first = chosen.PATH.read_bytes(), len(fits)
    assert first > 20
    experiments.run_select(asked)
    assert len(fits) == first
    assert chosen.PATH.read_bytes() == recipe


def test_a_budget_too_small_for_a_rung_is_one_line_and_leaves_the_recipe(asked, clean_settings):
    experiments.run_select(asked)
    recipe = chosen.PATH.read_bytes()
    clean_settings(build=asked.build / "other", data=asked.data, budget=1e-9, jobs=1)
    source.run(settings.load())
    with pytest.raises(UsageError, match="give a larger BUDGET"):
        experiments.run_select(settings.load())
    assert chosen.PATH.read_bytes() == recipe


def test_the_study_is_whole_and_a_second_one_fits_nothing(asked, fits):
    experiments.run_select(asked)
    document = experiments.run_experiments(asked, PLAN)
    assert document["cut"] == []
    for protocol in ("random", "chronological"):
        names = {row["name"] for row in document[protocol]["table"]}
        assert names == {"selected", "logistic", "lightgbm", "lightgbm-defaults", "forest", "recipe"}
        assert set(document[protocol]["recipe"]["advantage"]) == names - {"recipe"}
        assert set(document[protocol]["cost_curve"]) >= {"selected", "forest", "logistic"}
    for later in ("", "_later"):
        compared = {row["name"] for part in ("imbalance", "features") for row in document[f"{part}{later}"]["table"]}
        assert compared == {"imbalance-nothing", "imbalance-under", "features-none", "features-hour"}
    assert len(document["learning_curve"]) == 5
    assert "The study" in (asked.build / "experiments" / "index.html").read_text(encoding="utf-8")

    tidy = pd.read_csv(asked.build / "experiments" / "results.csv")
    line = tidy.set_index(["study", "candidate", "metric"]).loc[("random", "forest", "log_loss")]
    row = next(row for row in document["random"]["table"] if row["name"] == "forest")
    assert line["value"] == pytest.approx(row["metrics"]["log_loss"]["value"])
    assert line["difference_low"] == pytest.approx(row["difference"]["log_loss"]["low"])

    before = len(fits)
    again = experiments.run_experiments(asked, PLAN)
    assert len(fits) == before
    assert {**again, "provenance": None} == {**document, "provenance": None}


def test_a_study_that_was_stopped_goes_on_where_it_was(asked, fits, monkeypatch):
    experiments.run_select(asked)
    put = experiments.Store.put

    def full(store, key, answers):
        if len(fits) == before + 20:
            raise KeyboardInterrupt
        put(store, key, answers)

    before = len(fits)
    with monkeypatch.context() as patched:
        patched.setattr(experiments.Store, "put", full)
        with pytest.raises(KeyboardInterrupt):
            experiments.run_experiments(asked, PLAN)
    experiments.run_experiments(asked, PLAN)
    # Nothing was fitted twice but the one that was done and not kept.
    assert len(fits) == len(list((asked.build / "experiments" / "fits").iterdir())) + 1


def test_what_takes_too_long_is_no_recipe(asked, monkeypatch):
    experiments.run_select(asked)
    recipe = chosen.PATH.read_bytes()
    monkeypatch.setattr(experiments.latency, "one_row", lambda graph, prepared: 0.0601)
    with pytest.raises(UsageError, match=r"takes 0\.060 ms in \w+ alone, more than 0\.06 ms: give it fewer trees"):
        experiments.run_select(asked)
    assert chosen.PATH.read_bytes() == recipe


def test_what_the_budget_cuts_off_is_named(asked, clean_settings):
    experiments.run_select(asked)
    clean_settings(build=asked.build, data=asked.data, prevalence=0.02, budget=1e-9, jobs=1)
    document = experiments.run_experiments(settings.load(), PLAN)
    compared = ["imbalance", "features", "features_later", "imbalance_later"]
    assert document["cut"] == ["random", "chronological", *compared, "learning_curve"]
    page = (asked.build / "experiments" / "index.html").read_text(encoding="utf-8")
    assert "The budget ended before:</strong> random, chronological" in page
