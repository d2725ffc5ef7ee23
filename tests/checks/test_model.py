import json
import shutil

import numpy as np
import pandas as pd
import pytest

from checks import __main__ as command
from checks import model, thresholds
from checks.data import run as validate
from fraud import artefacts, bundle, schema
from fraud.dataset import source
from fraud.errors import UsageError
from fraud.evaluate import evaluate
from fraud.learn import candidates, train

EASY = 'protocol = "random"\nmetric = "recall"\nbind = "value"\nmin = 0.1'
UNREACHABLE = 'protocol = "chronological"\nmetric = "average_precision"\nbind = "value"\nmin = 1.01'


def failing(document):
    return [gate["name"] for gate in document["gates"] if not gate["passed"]]


def test_a_good_run_passes(run_copy, limits):
    limits(EASY)
    document = model.run(run_copy)
    assert (document["verdict"], failing(document)) == ("pass", [])
    assert document == json.loads((run_copy.build / "gate.json").read_text())
    assert document["bundles"] == {
        folder: bundle.read(run_copy.build / folder).manifest.digest for folder in ("model", "model-past")
    }
    version = bundle.read(run_copy.build / "model").manifest.version
    assert document["sentence"] == f"{version} may ship: all {len(document['gates'])} gates pass."
    parity = [gate for gate in document["gates"] if "parity" in gate["name"]]
    assert len(parity) == 4


def test_an_unreachable_limit_fails_and_says_by_how_much(run_copy, limits):
    limits(EASY, UNREACHABLE)
    document = model.run(run_copy)
    assert failing(document) == ["chronological: average_precision"]
    assert document["verdict"] == "fail"
    value = document["gates"][-1]["value"]
    assert f"must not ship: 1 of {len(document['gates'])} gates fail" in document["sentence"]
    assert f"chronological: average_precision is {value:.4g}, wanted at least 1.01" in document["sentence"]


@pytest.mark.parametrize(("failed", "end"), [(3, "wanted at least 1.01."), (5, "wanted at least 1.01; and 2 more.")])
def test_many_failures_leave_the_verdict_a_sentence(run_copy, limits, failed, end):
    limits(*[UNREACHABLE] * failed)
    document = model.run(run_copy)
    assert len(failing(document)) == failed
    assert document["sentence"].count("wanted") == 3
    assert document["sentence"].endswith(end)


@pytest.mark.parametrize("bind", ["value", "low", "high"])
def test_a_gate_judges_the_end_of_the_interval_that_it_binds(run_copy, limits, bind):
    metrics = json.loads((run_copy.build / "metrics.json").read_text())
    bound = metrics["protocols"]["random"]["model"]["metrics"]["roc_auc"][bind]
    gate = f'protocol = "random"\nmetric = "roc_auc"\nbind = "{bind}"'
    limits(
        f"{gate}\nmin = {bound!r}", f"{gate}\nmin = {np.nextafter(bound, 2)!r}".replace("np.float64(", "").strip(")")
    )
    first, second = model.run(run_copy)["gates"][-2:]
    assert (first["passed"], second["passed"]) == (True, False)
    assert first["bound"] == bound


def test_an_upper_limit_binds_too(run_copy, limits):
    limits('protocol = "random"\nmetric = "brier_score"\nbind = "value"\nmax = 1e-9')
    assert failing(model.run(run_copy)) == ["random: brier_score"]


@pytest.mark.parametrize(("key", "value", "gate"), [("verdict", "fail", "contract"), ("fraud_share", 0.2, "share")])
def test_the_datas_own_gates_are_held_again(run_copy, limits, key, value, gate):
    limits(EASY)
    validation = artefacts.read_json(run_copy.build / "validation.json", "make validate")
    artefacts.write_json(run_copy.build / "validation.json", validation | {key: value})
    (failed,) = failing(model.run(run_copy))
    assert gate in failed


def test_the_data_gates_follow_their_limits(run_copy, limits, monkeypatch):
    limits(EASY)
    moved = thresholds.read().model_copy(
        update={
            "data": thresholds.DataLimits(
                min_fraud_share=0.06, max_fraud_share=0.5, min_frauds=1_000, max_component_median=1
            )
        }
    )
    monkeypatch.setattr(thresholds, "read", lambda: moved)
    assert failing(model.run(run_copy)) == ["data: share of fraud", "data: frauds"]


def test_a_gate_names_the_key_that_decides_on_its_limit(run_copy):
    metrics = artefacts.read_json(run_copy.build / "metrics.json", "make evaluate")
    for judged in metrics["protocols"].values():
        judged["champion"] = {**judged["reference"], "caveats": []}
    artefacts.write_json(run_copy.build / "metrics.json", metrics)
    shipped = thresholds.read().model_dump()
    for gate in model.run(run_copy)["gates"]:
        for end in ("min", "max"):
            key = gate[f"{end}_key"]
            if "parity of decisions" in gate["name"]:
                assert key == {"min": None, "max": "parity.near_threshold"}[end]
            elif gate["name"] == "data: contract" or gate[end] is None:
                assert key is None
            else:
                value = shipped
                for step in key.split("."):
                    value = value[int(step) if step.isdecimal() else step]
                assert value == gate[end]


@pytest.mark.usefixtures("light_recipe")
def test_a_model_trained_on_shuffled_labels_fails_with_exit_code_1(draw, tmp_path, clean_settings, capsys):
    """The whole way, at the limits that ship: data, validation, training, evaluation, gates.

    No threshold makes up for a ranking by chance: its alerts are no richer in frauds than the rows are. Recall tells
    nothing of it, since where no threshold reaches the precision aimed at, the nearest may flag every row.
    """
    frame = draw(2_000, 150, 77)
    frame[schema.LABEL.name] = np.random.default_rng(1).permutation(frame[schema.LABEL.name])
    frame.to_parquet(tmp_path / "shuffled.parquet", index=False)
    clean_settings(data=tmp_path / "shuffled.parquet", build=tmp_path / "build", jobs=1, folds=2, bootstrap_draws=100)
    from fraud import settings

    told = settings.load()
    source.run(told)
    assert validate.run(told) == 0
    train.run(told)
    evaluate.run(told)
    assert command.main(["model"]) == 1
    document = json.loads((told.build / "gate.json").read_text())
    assert document["verdict"] == "fail"
    telling = ("precision", "roc_auc", "average_precision")
    assert {f"{protocol}: {metric}" for protocol in bundle.FOLDERS for metric in telling} <= set(failing(document))
    # ROC-AUC has two gates on the random protocol.
    assert failing(document).count("random: roc_auc") == 2
    assert "must not ship" in capsys.readouterr().out
    assert command.main(["gate"]) == 1


AGAINST_THE_CHAMPION = [f"{protocol}: average_precision less the champion's" for protocol in bundle.FOLDERS]


def names(document):
    return [gate["name"] for gate in document["gates"]]


def test_without_a_champion_its_gates_are_absent(run_copy, limits):
    limits(EASY)
    assert not [name for name in names(model.run(run_copy)) if "champion" in name]


def test_a_model_that_lost_much_to_the_champion_fails_and_the_champion_itself_passes(
    run_copy, finished_run, limits, monkeypatch
):
    """A recipe that sees 40 of its training rows, judged beside the one that saw them all, and the other way round."""
    limits(EASY)
    good = run_copy.model_copy(update={"baseline": finished_run.build})
    evaluate.run(good)
    same = model.run(good)
    held = [gate for gate in same["gates"] if "champion" in gate["name"]]
    assert [gate["name"] for gate in held] == AGAINST_THE_CHAMPION
    assert [(gate["value"], gate["low"], gate["high"], gate["passed"]) for gate in held] == [(0, 0, 0, True)] * 2

    fit = candidates.fit

    def on_few(candidate, prepared, label, *others):
        few = np.concatenate([np.flatnonzero(label == value)[:20] for value in (0, 1)])
        return fit(candidate, prepared[few], label[few], *others)

    monkeypatch.setattr(candidates, "fit", on_few)
    train.run(run_copy)
    evaluate.run(good)
    document = model.run(good)
    assert document["verdict"] == "fail"
    assert set(AGAINST_THE_CHAMPION) <= set(failing(document))
    assert "average_precision less the champion's is -" in document["sentence"]

    better = finished_run.model_copy(update={"build": run_copy.build.with_name("better"), "baseline": run_copy.build})
    shutil.copytree(finished_run.build, better.build)
    evaluate.run(better)
    assert not set(AGAINST_THE_CHAMPION) & set(failing(model.run(better)))


def test_what_must_be_said_of_the_champion_stands_beside_its_gates(run_copy, limits):
    limits(EASY)
    metrics = artefacts.read_json(run_copy.build / "metrics.json", "make evaluate")
    judged = metrics["protocols"]["random"]
    judged["champion"] = {**judged["reference"], "caveats": ["of a caveat"]}
    artefacts.write_json(run_copy.build / "metrics.json", metrics)
    (held,) = [gate for gate in model.run(run_copy)["gates"] if "champion" in gate["name"]]
    assert held["detail"] == "judged by the high end of the interval; of a caveat"


def test_a_margin_of_non_inferiority_asks_for_proof(run_copy, limits, monkeypatch):
    """The model's difference to its reference taken for one to a champion: the margin is crossed at its low end."""
    limits(EASY)
    metrics = artefacts.read_json(run_copy.build / "metrics.json", "make evaluate")
    judged = metrics["protocols"]["random"]
    judged["champion"] = {**judged["reference"], "caveats": []}
    artefacts.write_json(run_copy.build / "metrics.json", metrics)
    low = judged["champion"]["difference"]["roc_auc"]["low"]
    shipped = thresholds.read()
    for margin, passes in ((low - 1e-9, True), (low + 1e-9, False)):
        asked = thresholds.MetricLimit(protocol="random", metric="roc_auc", bind="low", min=margin, reason="because")
        moved = shipped.model_copy(update={"champion": (asked,)})
        monkeypatch.setattr(thresholds, "read", lambda moved=moved: moved)
        assert ("random: roc_auc less the champion's" not in failing(model.run(run_copy))) is passes


def test_a_champion_that_was_not_compared_is_not_passed_over(run_copy, limits):
    limits(EASY)
    with pytest.raises(UsageError, match=r"was not compared with BASELINE=.*run `make evaluate` again"):
        model.run(run_copy.model_copy(update={"baseline": run_copy.data.parent}))


@pytest.mark.parametrize("folder", [folders["model"] for folders in bundle.FOLDERS.values()])
@pytest.mark.parametrize("name", [bundle.MODEL, bundle.MANIFEST])
def test_a_bundle_changed_by_one_byte_after_evaluation_is_refused(run_copy, limits, folder, name):
    limits(EASY)
    gate = (run_copy.build / "gate.json").read_bytes()
    content = bytearray((run_copy.build / folder / name).read_bytes())
    content[len(content) // 3] ^= 1
    (run_copy.build / folder / name).write_bytes(content)
    with pytest.raises(UsageError, match=folder):
        model.run(run_copy)
    assert (run_copy.build / "gate.json").read_bytes() == gate


def test_another_sound_bundle_than_the_one_evaluated_is_refused(run_copy, limits):
    limits(EASY)
    read = bundle.read(run_copy.build / "model")
    lower = read.manifest.thresholds.model_copy(update={"review": read.manifest.thresholds.review * 0.99})
    changed = read.manifest.model_copy(update={"thresholds": lower})
    bundle.write(run_copy.build / "model", read.model, changed, read.reasons)
    with pytest.raises(UsageError, match="is not the bundle that was evaluated: run `make evaluate` again"):
        model.run(run_copy)


def test_scores_that_were_touched_are_refused(run_copy, limits):
    limits(EASY)
    path = run_copy.build / "scores.parquet"
    pd.read_parquet(path).assign(prediction=1).to_parquet(path, index=False)
    with pytest.raises(UsageError, match=r"scores\.parquet is not the one that metrics\.json was made with"):
        model.run(run_copy)


def test_validation_of_other_data_is_refused(run_copy, limits):
    limits(EASY)
    validation = artefacts.read_json(run_copy.build / "validation.json", "make validate")
    validation["data"]["digest"] = "0" * 64
    artefacts.write_json(run_copy.build / "validation.json", validation)
    with pytest.raises(UsageError, match="is not the data that was evaluated"):
        model.run(run_copy)


@pytest.mark.parametrize(
    "name", ["metrics.json", "validation.json", "scores.parquet", "pipeline.parquet", "model/model.onnx"]
)
def test_a_missing_artefact_is_told_with_the_step_that_makes_it(run_copy, limits, name):
    limits(EASY)
    (run_copy.build / name).unlink()
    with pytest.raises(UsageError, match="run `make"):
        model.run(run_copy)


def test_a_gate_on_a_metric_that_there_is_not_is_refused(run_copy, limits):
    limits(EASY.replace("recall", "recal"))
    with pytest.raises(UsageError, match=r"no metric 'recal'; there are .*recall"):
        model.run(run_copy)


def test_a_run_on_the_twin_says_so(run_copy, limits):
    limits(EASY)
    record = artefacts.read_json(run_copy.build / "data.json", "make data")
    artefacts.write_json(run_copy.build / "data.json", record | {"source": "twin"})
    evaluate.run(run_copy)
    document = model.run(run_copy)
    assert document["synthetic"] is True
    assert document["sentence"].endswith("gates pass on synthetic data.")
