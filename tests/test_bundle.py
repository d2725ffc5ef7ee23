import json
import shutil

import numpy as np
import pytest

from fraud import bundle
from fraud.bundle import Calibration
from fraud.costs import CostModel
from fraud.errors import UsageError

BY_AMOUNT = (
    bundle.ByAmount(costs=CostModel(), alert_price=0.0),
    bundle.ByAmount(costs=CostModel(), alert_price=1.5),
    bundle.ByAmount(costs=CostModel(fraud_fee=15.01), alert_price=0.0),
    bundle.ByAmount(costs=CostModel(review_loss_share=0.2), alert_price=0.0),
)


@pytest.fixture
def folder(bundle_folder, tmp_path):
    return shutil.copytree(bundle_folder, tmp_path / "model")


def rewritten(folder, target, **changed):
    """The same bundle, honestly written anew with other content."""
    read = bundle.read(folder)
    return bundle.write(target, read.model, read.manifest.model_copy(update=changed))


def test_what_was_written_is_read(folder):
    read = bundle.read(folder)
    assert read.model == (folder / bundle.MODEL).read_bytes()
    assert read.manifest.name == "logistic"
    assert read.manifest.version == f"logistic-{read.manifest.digest[:12]}"
    assert sorted(path.name for path in folder.iterdir()) == [bundle.MANIFEST, bundle.MODEL]


@pytest.mark.parametrize("name", [bundle.MODEL, bundle.MANIFEST])
def test_a_bundle_with_one_byte_changed_anywhere_is_refused(folder, name):
    path = folder / name
    whole = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for position, byte in enumerate(whole):
            file.seek(position)
            file.write(bytes([byte ^ 1]))
            with pytest.raises(UsageError):
                bundle.read(folder)
            file.seek(position)
            file.write(bytes([byte]))
    bundle.read(folder)


@pytest.mark.parametrize("name", [bundle.MODEL, bundle.MANIFEST])
def test_a_bundle_cut_short_or_with_more_behind_it_is_refused(folder, name):
    whole = (folder / name).read_bytes()
    for changed in (b"", whole[:-1], whole[: len(whole) // 2], whole + b" ", whole + whole):
        (folder / name).write_bytes(changed)
        with pytest.raises(UsageError):
            bundle.read(folder)


@pytest.mark.parametrize("name", [bundle.MODEL, bundle.MANIFEST])
def test_a_missing_file_is_told_with_the_mend(folder, name):
    (folder / name).unlink()
    with pytest.raises(UsageError, match=r"holds no model bundle .*make train"):
        bundle.read(folder)


def test_two_bundles_can_not_be_mixed(folder, tmp_path):
    rewritten(folder, tmp_path / "other", name="other")
    model = bundle.read(folder).model
    (folder / bundle.MODEL).write_bytes(model + b"\0")
    with pytest.raises(UsageError, match="is not the model that its manifest names"):
        bundle.read(folder)
    (folder / bundle.MODEL).write_bytes(model)
    shutil.copy(tmp_path / "other" / bundle.MANIFEST, folder / bundle.MANIFEST)
    assert bundle.read(folder).manifest.name == "other"


def test_a_newer_format_is_refused_by_its_number(folder):
    document = json.loads((folder / bundle.MANIFEST).read_text())
    document |= {"format": bundle.FORMAT + 1, "invented": "later"}
    (folder / bundle.MANIFEST).write_text(json.dumps(document))
    with pytest.raises(UsageError, match=r"is of format 2, this program reads 1: update the program"):
        bundle.read(folder)


@pytest.mark.parametrize("text", ["[]", "null", "7", "{}", '{"format": "two"}', "{"])
def test_what_is_no_manifest_is_refused(folder, text):
    (folder / bundle.MANIFEST).write_text(text)
    with pytest.raises(UsageError, match="is not a bundle's manifest"):
        bundle.read(folder)


@pytest.mark.parametrize("hostile", [{"x": float("inf")}, {"x": "\ud800"}, {"x": [[[]]]}])
def test_a_manifest_with_what_was_never_written_is_refused(folder, hostile):
    document = json.loads((folder / bundle.MANIFEST).read_text())
    (folder / bundle.MANIFEST).write_text(json.dumps(document | {"selection": hostile}))
    with pytest.raises(UsageError, match="was changed after it was written"):
        bundle.read(folder)


def test_other_features_than_the_schemas_are_refused(folder, tmp_path):
    features = bundle.read(folder).manifest.features
    fewer = dict(list(features.items())[:-1])
    rewritten(folder, tmp_path / "fewer", features=fewer)
    rewritten(folder, tmp_path / "turned", features=dict(reversed(features.items())))
    for name in ("fewer", "turned"):
        with pytest.raises(UsageError, match="other features than this program's schema"):
            bundle.read(tmp_path / name)


def test_the_digest_covers_what_decides_and_nothing_else(folder, tmp_path):
    manifest = bundle.read(folder).manifest
    training = manifest.training
    same = [
        {"provenance": {"created": "2031-12-31", "revision": "abc+", "platform": "other"}},
        {"selection": {"candidates": [{"seconds": 12.3}]}},
        {"training": training | {"rows": 5}},
    ]
    first = next(iter(manifest.features))
    other = [
        {"name": "forest"},
        {"output": "probability"},
        {"time": "as given"},
        {"calibration": Calibration(slope=1.0, intercept=1e-15)},
        {"calibration": None},
        {"thresholds": bundle.Thresholds(review=0.5, decline=None)},
        *({"thresholds": bundle.Thresholds(review=0.5, decline=0.9, by_amount=rule)} for rule in BY_AMOUNT),
        {"features": manifest.features | {first: bundle.TrainingRange(low=0, median=1, high=2)}},
        {"training": training | {"data": {"digest": "1" * 64}}},
    ]
    for i, changed in enumerate(same):
        assert rewritten(folder, tmp_path / f"same{i}", **changed).digest == manifest.digest
    digests = [rewritten(folder, tmp_path / f"other{i}", **changed).digest for i, changed in enumerate(other)]
    assert len({manifest.digest, *digests}) == len(other) + 1
    model = bundle.write(tmp_path / "m", b"another model", manifest)
    assert model.digest != manifest.digest


def test_without_thresholds_by_amount_a_manifest_is_what_it_was_before_there_were_any(folder):
    assert json.loads((folder / bundle.MANIFEST).read_text())["thresholds"] == {"review": 0.5, "decline": 0.9}


@pytest.mark.parametrize("rule", BY_AMOUNT)
def test_thresholds_by_amount_are_read_as_they_were_written(folder, tmp_path, rule):
    thresholds = bundle.Thresholds(review=0.1, decline=None, by_amount=rule)
    rewritten(folder, tmp_path / "by", thresholds=thresholds)
    assert bundle.read(tmp_path / "by").manifest.thresholds == thresholds


def test_a_decline_is_never_laxer_than_a_review():
    amount = np.array([0.0, 10, 1_000])
    for rule in (None, BY_AMOUNT[0]):
        review, decline = bundle.Thresholds(review=0.97, decline=0.2, by_amount=rule).applied(amount)
        assert np.all(decline >= review)
        assert np.all(review >= 0.97)


def test_the_calibration_is_the_logistic_function_and_never_overflows():
    calibration = Calibration(slope=2.0, intercept=-1.0)
    log_odds = np.linspace(-15, 15, 1_001)
    assert calibration.apply(log_odds) == pytest.approx(1 / (1 + np.exp(1 - 2 * log_odds)), rel=1e-12)
    least, most = calibration.apply(np.float32([-1e30, 1e30]))
    assert (0 < least < 1e-300, most) == (True, 1)
    assert calibration.apply(log_odds.astype(np.float32)).dtype == np.float64
    assert (np.diff(calibration.apply(log_odds)) > 0).all()
