"""Which champions are compared, which are not, and what is said of the comparison."""

import shutil

import pandas as pd
import pytest

from fraud import artefacts, bundle
from fraud.dataset import source, split
from fraud.errors import UsageError
from fraud.evaluate import champion, evaluate


@pytest.fixture
def shipped(finished_run, tmp_path):
    """The build folder of a run that shipped: a copy of the finished one, its gates passed."""
    folder = tmp_path / "shipped"
    shutil.copytree(finished_run.build, folder)
    gate = artefacts.read_json(folder / "gate.json", "make all")
    artefacts.write_json(folder / "gate.json", gate | {"verdict": "pass"})
    return folder


@pytest.fixture
def compared(run_copy, shipped):
    """`compared(seed=7)`: the protocols of a run that is judged beside the one that shipped."""
    return lambda **other: evaluate.run(run_copy.model_copy(update={"baseline": shipped, **other}))["protocols"]


@pytest.fixture
def rewrite(shipped):
    """`rewrite("model", training={...})`: change what the manifest of a champion says, and seal it anew."""

    def change(folder, **values):
        read = bundle.read(shipped / folder)
        changed = {
            name: {**getattr(read.manifest, name), **value} if isinstance(value, dict) else value
            for name, value in values.items()
        }
        bundle.write(shipped / folder, read.model, read.manifest.model_copy(update=changed), read.reasons)

    return change


def test_without_a_baseline_there_is_none(run_copy):
    document = evaluate.run(run_copy)
    assert document["baseline"] is None
    assert [judged["champion"] for judged in document["protocols"].values()] == [None, None]


def test_a_model_does_not_differ_from_itself(compared, shipped):
    for protocol, judged in compared().items():
        held = judged["champion"]
        assert held["digest"] == bundle.read(shipped / bundle.FOLDERS[protocol]["model"]).manifest.digest
        assert held["metrics"] == judged["model"]["metrics"]
        assert held["caveats"] == []
        for name, figure in held["difference"].items():
            assert (figure["value"], figure["low"], figure["high"]) == (0, 0, 0), name
        assert held["difference"]["roc_auc"]["p"] == 1


def test_a_champion_changes_no_figure_of_the_others(compared, finished_run):
    alone = artefacts.read_json(finished_run.build / "metrics.json", "make all")["protocols"]
    for name, judged in compared().items():
        assert {**judged, "champion": None} == alone[name]


def test_another_champion_is_judged_on_the_same_rows_and_draws(compared, shipped):
    """The blog post's forest as the champion: its figures and differences are those of the reference."""
    for folders in bundle.FOLDERS.values():
        shutil.rmtree(shipped / folders["model"])
        shutil.copytree(shipped / folders["reference"], shipped / folders["model"])
    for judged in compared().values():
        assert judged["champion"]["metrics"] == judged["reference"]["metrics"]
        assert judged["champion"]["difference"] == judged["reference"]["difference"]
        assert judged["champion"]["difference"]["average_precision"]["value"] != 0


@pytest.mark.parametrize("verdict", ["fail", None])
def test_a_champion_that_did_not_pass_its_gates_is_told(compared, shipped, verdict):
    gate = artefacts.read_json(shipped / "gate.json", "make all")
    artefacts.write_json(shipped / "gate.json", gate | {"verdict": verdict})
    if verdict is None:
        (shipped / "gate.json").unlink()
    assert compared()["random"]["champion"]["caveats"] == [champion.DID_NOT_SHIP]


def test_a_verdict_on_another_bundle_is_none_on_the_champion(compared, shipped):
    gate = artefacts.read_json(shipped / "gate.json", "make all")
    artefacts.write_json(shipped / "gate.json", gate | {"bundles": {**gate["bundles"], "model": "0" * 64}})
    found = compared()
    assert found["random"]["champion"]["caveats"] == [champion.DID_NOT_SHIP]
    assert found["chronological"]["champion"]["caveats"] == []


def test_a_champion_of_other_data_is_compared_and_said_to_be_flattered(compared, rewrite, shipped):
    rewrite("model", training={"data": {"source": "own", "digest": "0" * 64}})
    assert champion.OTHER_DATA in compared()["random"]["champion"]["caveats"]


@pytest.fixture
def fitted_at(rewrite, finished_run):
    """`fitted_at(seed=7)`: the champions say that they were fitted on the training rows of such a split, and truly so.

    What they learnt does not matter to the refusal: it goes by what the manifest proves.
    """
    frame, _ = source.opened(finished_run)

    def tell(**other):
        told = {"test_share": 0.3, "future_share": 0.2, "seed": 42} | other
        splits = split.protocols(frame, told["test_share"], told["future_share"], told["seed"])
        for protocol, folders in bundle.FOLDERS.items():
            digest = split.digest(splits[protocol].train)
            rewrite(folders["model"], training={"rows_digest": digest}, provenance={"settings": told})

    return tell


@pytest.mark.parametrize(
    ("other", "protocol"),
    [({"seed": 43}, "random"), ({"test_share": 0.25}, "random"), ({"future_share": 0.1}, "chronological")],
)
def test_a_champion_that_was_fitted_on_judging_rows_is_refused(compared, fitted_at, run_copy, other, protocol):
    fitted_at(**other)
    metrics = (run_copy.build / "metrics.json").read_bytes()
    with pytest.raises(UsageError, match=rf"can't be shown to have seen none that judge the {protocol} protocol"):
        compared()
    assert (run_copy.build / "metrics.json").read_bytes() == metrics


def test_a_champion_of_a_shorter_past_has_seen_nothing_that_judges(compared, fitted_at):
    fitted_at(future_share=0.4)
    found = compared()
    assert champion.OTHER_ROWS in found["chronological"]["champion"]["caveats"]
    assert champion.OTHER_DATA not in found["chronological"]["champion"]["caveats"]
    assert champion.OTHER_ROWS not in found["random"]["champion"]["caveats"]


def test_a_champion_whose_rows_of_the_same_data_nobody_can_tell_is_refused(compared, rewrite):
    rewrite("model", training={"rows_digest": "0" * 64})
    with pytest.raises(UsageError, match="was fitted on rows of this very data, and can't be shown"):
        compared()


def test_the_wrong_protocols_champion_is_refused(compared, shipped):
    """The one of the random protocol has seen most of the future."""
    shutil.rmtree(shipped / "model-past")
    shutil.copytree(shipped / "model", shipped / "model-past")
    with pytest.raises(UsageError, match="judge the chronological protocol"):
        compared()


def test_a_champion_of_every_row_is_refused(compared, rewrite, finished_run):
    rows = pd.RangeIndex(len(pd.read_parquet(finished_run.data))).to_numpy()
    rewrite("model", protocol="all rows", training={"rows_digest": split.digest(rows)})
    with pytest.raises(UsageError, match="judge the random protocol"):
        compared()


@pytest.mark.parametrize("folder", ["model", "model-past"])
def test_a_folder_without_a_champion_is_told(compared, shipped, folder):
    shutil.rmtree(shipped / folder)
    with pytest.raises(UsageError, match=rf"no champion in BASELINE=.*{folder}.*name the build folder of the last run"):
        compared()


def test_a_champion_that_was_changed_is_refused(compared, shipped):
    path = shipped / "model" / bundle.MODEL
    model = bytearray(path.read_bytes())
    model[100] ^= 1
    path.write_bytes(model)
    with pytest.raises(UsageError, match="no champion in BASELINE="):
        compared()
