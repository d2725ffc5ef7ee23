import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from fraud import artefacts, bundle, schema
from fraud.dataset import source, split
from fraud.errors import UsageError
from fraud.evaluate import evaluate
from fraud.scorer import Scorer

# What the columns of a role begin with in `scores.parquet`.
PREFIXES = {"model": "", "logistic": "logistic_", "reference": "reference_"}


@pytest.fixture(scope="module")
def document(finished_run):
    return json.loads((finished_run.build / "metrics.json").read_text())


@pytest.fixture(scope="module")
def scores(finished_run):
    return pd.read_parquet(finished_run.build / "scores.parquet")


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
def test_every_row_kept_apart_is_scored_through_the_bundle(finished_run, scores, protocol):
    frame, _ = source.opened(finished_run)
    rows = split.protocols(frame, 0.3, 0.2, 42)[protocol]
    judged = scores[scores["protocol"] == protocol]
    assert np.array_equal(judged["row"], rows.test)
    features = frame.iloc[rows.test][list(schema.FEATURES)].to_numpy()
    for role, folder in bundle.FOLDERS[protocol].items():
        prefix = PREFIXES[role]
        expected = Scorer(finished_run.build / folder).score(features)
        assert judged[f"{prefix}probability"].to_numpy() == pytest.approx(expected.probability, abs=1e-6)
        assert np.array_equal(judged[f"{prefix}prediction"], expected.prediction)
        assert np.array_equal(judged[f"{prefix}decision"], expected.decision)
    assert np.array_equal(judged["label"], frame.iloc[rows.test][schema.LABEL.name])


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
@pytest.mark.parametrize(("role", "prefix"), PREFIXES.items())
def test_the_figures_are_those_of_the_scores_at_the_prevalence(document, scores, protocol, role, prefix):
    rows = scores[scores["protocol"] == protocol]
    label, weights = rows["label"], rows["weight"]
    figures = document["protocols"][protocol][role]["metrics"]
    probability, prediction = rows[f"{prefix}probability"], rows[f"{prefix}prediction"]
    expected = {
        "precision": sk.precision_score(label, prediction, sample_weight=weights),
        "recall": sk.recall_score(label, prediction),
        "average_precision": sk.average_precision_score(label, probability, sample_weight=weights),
        "roc_auc": sk.roc_auc_score(label, probability),
        "brier_score": sk.brier_score_loss(label, probability, sample_weight=weights),
    }
    for name, value in expected.items():
        assert figures[name]["value"] == pytest.approx(value)
        assert figures[name]["low"] <= value <= figures[name]["high"]
    assert document["protocols"][protocol]["frauds"] == label.sum()


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
@pytest.mark.parametrize(("role", "prefix"), PREFIXES.items())
def test_the_money_is_that_of_the_decisions(finished_run, document, scores, protocol, role, prefix):
    rows = scores[scores["protocol"] == protocol]
    weight, amount, fraud = rows["weight"], rows["amount"], rows["label"] == 1
    decision = rows[f"{prefix}decision"]
    told = finished_run.costs
    lost = told.lost_custom_fixed + told.lost_custom_share * amount
    nothing = (amount + told.fraud_fee)[fraud].sum()
    cost = (amount + told.fraud_fee)[fraud & (decision == "approve")].sum()
    cost += told.analyst_cost * weight[decision == "review"].sum()
    cost += told.review_loss_share * (weight * lost)[~fraud & (decision == "review")].sum()
    cost += (weight * lost)[~fraud & (decision == "decline")].sum()
    figures = document["protocols"][protocol][role]["metrics"]
    assert figures["cost"]["value"] == pytest.approx(cost)
    assert figures["savings"]["value"] == pytest.approx(nothing - cost)
    assert figures["savings_share"]["value"] == pytest.approx(1 - cost / nothing)
    assert figures["savings_share"]["low"] < figures["savings_share"]["value"] < figures["savings_share"]["high"]


def test_other_costs_change_the_money_and_nothing_else(run_copy, document):
    """The fee of a missed fraud: unlike an analyst's time, it counts where the two thresholds leave none to review."""
    other = evaluate.run(run_copy.model_copy(update={"fraud_fee": 40.0}))
    for protocol, judged in other["protocols"].items():
        before = document["protocols"][protocol]["model"]["metrics"]
        after = judged["model"]["metrics"]
        assert {name for name in after if after[name] != before[name]} == {"cost", "savings", "savings_share"}
        dearer = (40.0 - run_copy.fraud_fee) * before["false_negatives"]["value"]
        assert after["cost"]["value"] - before["cost"]["value"] == pytest.approx(dearer)
        assert dearer > 0


def test_the_weight_is_one_constant_of_the_whole_file(document, scores):
    weight = document["legitimate_weight"]
    assert weight == pytest.approx(99 * 144 / (3_000 - 144))
    assert set(scores.loc[scores["label"] == 0, "weight"]) == {weight}
    assert set(scores.loc[scores["label"] == 1, "weight"]) == {1.0}


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
@pytest.mark.parametrize("other", ["logistic", "reference"])
def test_the_difference_is_paired(document, protocol, other):
    """Narrower than if the two had been drawn apart, and the difference of the values."""
    judged = document["protocols"][protocol]
    figures = judged["model"]["metrics"]["average_precision"], judged[other]["metrics"]["average_precision"]
    difference = judged[other]["difference"]["average_precision"]
    assert difference["value"] == pytest.approx(figures[0]["value"] - figures[1]["value"])
    apart = np.hypot(*(figure["high"] - figure["low"] for figure in figures))
    assert difference["high"] - difference["low"] < apart


def test_the_document_says_what_it_stands_on(document, finished_run):
    assert document["synthetic"] is False
    assert document["scores_digest"] == artefacts.sha256(finished_run.build / "scores.parquet")
    assert document["provenance"]["data"]["source"] == "own"
    for protocol, folders in bundle.FOLDERS.items():
        for role, folder in folders.items():
            manifest = bundle.read(finished_run.build / folder).manifest
            assert document["protocols"][protocol][role]["digest"] == manifest.digest


def test_evaluating_again_gives_the_same_figures(run_copy, document):
    again = evaluate.run(run_copy)
    assert again["protocols"] == document["protocols"]
    assert again["scores_digest"] == document["scores_digest"]


def test_the_twin_is_named_for_what_it_is(run_copy):
    record = artefacts.read_json(run_copy.build / "data.json", "make data")
    artefacts.write_json(run_copy.build / "data.json", record | {"source": "twin"})
    assert evaluate.run(run_copy)["synthetic"] is True


@pytest.mark.parametrize("other", [{"seed": 43}, {"test_share": 0.25}, {"future_share": 0.3}])
def test_a_bundle_that_may_have_seen_the_rows_is_refused(run_copy, other):
    with pytest.raises(UsageError, match=r"was not fitted on the training rows of the .* protocol"):
        evaluate.run(run_copy.model_copy(update=other))


@pytest.mark.parametrize("role", PREFIXES)
def test_what_has_seen_the_future_is_not_judged_on_it(run_copy, role):
    folder, past = (folders[role] for folders in bundle.FOLDERS.values())
    shutil.rmtree(run_copy.build / past)
    shutil.copytree(run_copy.build / folder, run_copy.build / past)
    with pytest.raises(UsageError, match=f"{past} was not fitted on the training rows of the chronological"):
        evaluate.run(run_copy)


def test_a_bundle_of_another_file_is_refused_even_where_its_rows_are_parted_alike(run_copy, tmp_path):
    told = run_copy.model_copy(update={"data": tmp_path / "other.parquet"})
    pd.read_parquet(run_copy.data).to_parquet(told.data, index=False, compression="gzip")
    source.run(told)
    with pytest.raises(UsageError, match="was not fitted on"):
        evaluate.run(told)


def test_a_changed_bundle_is_refused_and_the_figures_stay(run_copy, document):
    path = run_copy.build / "model" / bundle.MODEL
    model = bytearray(path.read_bytes())
    model[100] ^= 1
    path.write_bytes(model)
    with pytest.raises(UsageError, match="is not the model that its manifest names"):
        evaluate.run(run_copy)
    assert json.loads((run_copy.build / "metrics.json").read_text()) == document
