import json

import numpy as np
import pandas as pd
import pytest
from rich.progress import Progress

from checks import model
from fraud import artefacts, bundle, schema
from fraud.dataset import source, split
from fraud.errors import UsageError
from fraud.evaluate import evaluate
from fraud.learn import chosen, recipe, train
from fraud.scorer import Scorer


def test_each_protocol_has_its_bundle_and_its_reference_fitted_on_its_own_rows(finished_run):
    frame, record = source.opened(finished_run)
    rows = split.protocols(frame, 0.3, 0.2, 42)
    for protocol, folders in bundle.FOLDERS.items():
        for role, folder in folders.items():
            manifest = bundle.read(finished_run.build / folder).manifest
            training = frame.iloc[rows[protocol].train]
            assert manifest.protocol == protocol
            assert manifest.training["rows_digest"] == split.digest(rows[protocol].train)
            assert manifest.training["data"]["digest"] == record["digest"]
            assert manifest.training["rows"] == len(training)
            assert manifest.training["frauds"] == training[schema.LABEL.name].sum()
            assert manifest.training["prevalence"] == 0.01
            assert manifest.features["V1"].high == training["V1"].max()
            names = {"model": chosen.read().candidate.name, "logistic": "logistic", "reference": "forest"}
            assert manifest.name == names[role]
            methods = {
                "model": {
                    "lightgbm": "path-dependent Shapley values of trees",
                    "perceptrons": "Aumann-Shapley values from the median",
                },
                "logistic": {"logistic regression": "coefficients"},
                "reference": {"random forest": bundle.OCCLUSION},
            }
            assert manifest.reasons.methods == methods[role]
            assert (bundle.REASONS in manifest.files) == (role != "reference")


def test_the_recipe_is_the_one_of_the_file(finished_run):
    document = artefacts.read_json(finished_run.build / "training.json", "make train")
    for protocol, record in document["protocols"].items():
        assert record["selection"]["recipe"] == chosen.read().record("another digest")
        assert record["name"] == chosen.read().candidate.name
        assert record["digest"] == bundle.read(finished_run.build / bundle.FOLDERS[protocol]["model"]).manifest.digest
    legitimate, frauds = 3_000 - 144, 144
    assert document["legitimate_weight"] == pytest.approx(99 * frauds / legitimate)
    assert document["provenance"]["settings"]["prevalence"] == 0.01


def test_the_logistic_regression_is_tuned_and_calibrated_on_the_training_rows_of_each_protocol(finished_run):
    """The same on those rows alone gives the same, and on all rows not."""
    frame, _ = source.opened(finished_run)
    document = artefacts.read_json(finished_run.build / "training.json", "make train")
    weight = document["legitimate_weight"]
    for protocol, rows in split.protocols(frame, 0.3, 0.2, 42).items():
        record = document["protocols"][protocol]["logistic"]
        alone, leaked = (recipe.fit_logistic(part, finished_run, weight) for part in (frame.iloc[rows.train], frame))
        assert record["selection"]["tuned"] == alone.selection["tuned"]
        assert record["calibration"] == alone.calibration.model_dump(mode="json")
        assert record["calibration"] != leaked.calibration.model_dump(mode="json")


@pytest.mark.usefixtures("light_recipe")
def test_the_bar_ends_where_it_said_it_would_and_the_recipe_may_be_the_logistic_regression_too(run_copy, monkeypatch):
    shown = Progress(disable=True)
    monkeypatch.setattr(train, "bar", lambda: shown)
    train.run(run_copy)
    (task,) = shown.tasks
    shares = 2
    assert task.completed == task.total == 2 * ((2 + 1) + (1 + 2 + 1) + 1) + shares * 2
    # As it stands in the file there; here tuned.
    for folders in bundle.FOLDERS.values():
        model, logistic = (bundle.read(run_copy.build / folders[role]).manifest for role in ("model", "logistic"))
        assert model.name == logistic.name == "logistic"
        assert "tuned" not in model.selection
        assert logistic.selection["tuned"].keys() == {"C"}


def test_the_training_rows_alone_say_what_the_recipe_is_worth_beside_its_parts_and_of_fewer_rows(finished_run):
    document = artefacts.read_json(finished_run.build / "training.json", "make train")
    blend = chosen.read().candidate
    names = [blend.name, *(member.name for member in blend.members), "logistic"]
    for protocol, record in document["protocols"].items():
        assert [candidate["name"] for candidate in record["candidates"]] == names
        assert record["candidates"][0]["by_fold"] == record["selection"]["candidates"][0]["by_fold"]
        assert record["candidates"][-1]["by_fold"] == record["logistic"]["selection"]["candidates"][0]["by_fold"]
        # The bundle that ships has a curve.
        curve = record["learning_curve"]
        assert len(curve) == (3 if protocol == "random" else 0)
        assert all(point["frauds"] < record["training"]["frauds"] for point in curve)


def test_the_pipelines_answers_are_kept_for_the_rows_that_judge(finished_run):
    frame, _ = source.opened(finished_run)
    rows = split.protocols(frame, 0.3, 0.2, 42)
    kept = pd.read_parquet(finished_run.build / "pipeline.parquet")
    for protocol, answers in kept.groupby("protocol"):
        assert np.array_equal(answers["row"], rows[protocol].test)
        features = frame.iloc[rows[protocol].test][list(schema.FEATURES)].to_numpy()
        scored = Scorer(finished_run.build / bundle.FOLDERS[protocol]["model"]).probability(features)
        assert np.abs(scored - answers["probability"]).max() <= 1e-5


def test_training_again_gives_the_same_digests(run_copy, finished_run):
    again = train.run(run_copy)
    before = json.loads((finished_run.build / "training.json").read_text())
    for protocol, record in again["protocols"].items():
        assert record["digest"] == before["protocols"][protocol]["digest"]
    for folder in (folder for folders in bundle.FOLDERS.values() for folder in folders.values()):
        digests = {bundle.read(run.build / folder).manifest.digest for run in (run_copy, finished_run)}
        assert len(digests) == 1


def test_a_data_file_that_changed_is_refused(run_copy, tmp_path):
    changed = tmp_path / "transactions.parquet"
    pd.read_parquet(run_copy.data).assign(V1=0.0).to_parquet(changed, index=False)
    record = artefacts.read_json(run_copy.build / "data.json", "make data")
    artefacts.write_json(run_copy.build / "data.json", record | {"path": str(changed)})
    with pytest.raises(UsageError, match="has changed since"):
        train.run(run_copy.model_copy(update={"data": changed}))


@pytest.mark.usefixtures("light_recipe")
def test_all_rows_give_one_bundle_that_nothing_judges(run_copy):
    told = run_copy.model_copy(update={"all_rows": True})
    document = train.run(told)
    assert list(document["protocols"]) == ["all rows"]
    assert [candidate["name"] for candidate in document["protocols"]["all rows"]["candidates"]] == ["logistic"]
    manifest = bundle.read(told.build / "model").manifest
    assert (manifest.protocol, manifest.training["rows"]) == ("all rows", 3_000)
    assert len(Scorer(told.build / "model").probability(np.zeros((3, 30)))) == 3
    with pytest.raises(UsageError, match="FRAUD_ALL_ROWS leaves no rows"):
        evaluate.run(told)
    # Nor where the setting is gone by then, nor against the figures of an earlier run.
    with pytest.raises(UsageError, match="was not fitted on the training rows of the random protocol"):
        evaluate.run(run_copy)
    with pytest.raises(UsageError, match="is not the bundle that was evaluated"):
        model.run(run_copy)
