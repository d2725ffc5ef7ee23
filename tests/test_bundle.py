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


FILES = [bundle.MODEL, bundle.REASONS, bundle.MANIFEST]


@pytest.fixture
def folder(bundle_folder, tmp_path):
    """A bundle with reasons of its own, which nothing here runs."""
    read = bundle.read(bundle_folder)
    reasons = bundle.Reasons(methods={"logistic regression": "coefficients"}, base=-3.5)
    manifest = read.manifest.model_copy(update={"reasons": reasons})
    bundle.write(tmp_path / "model", read.model, manifest, b"a graph of reasons")
    return tmp_path / "model"


def rewritten(folder, target, **changed):
    """The same bundle, honestly written anew with other content."""
    read = bundle.read(folder)
    return bundle.write(target, read.model, read.manifest.model_copy(update=changed), read.reasons)


def test_what_was_written_is_read(folder):
    read = bundle.read(folder)
    assert read.model == (folder / bundle.MODEL).read_bytes()
    assert read.reasons == (folder / bundle.REASONS).read_bytes() == b"a graph of reasons"
    assert list(read.manifest.files) == [bundle.MODEL, bundle.REASONS]
    assert read.manifest.name == "logistic"
    assert read.manifest.version == f"logistic-{read.manifest.digest[:12]}"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_a_bundle_without_a_graph_of_reasons_is_whole(bundle_folder):
    read = bundle.read(bundle_folder)
    assert read.reasons is None
    assert list(read.manifest.files) == [bundle.MODEL]
    assert read.manifest.reasons == bundle.Reasons(methods={"logistic regression": bundle.OCCLUSION}, base=None)
    assert sorted(path.name for path in bundle_folder.iterdir()) == [bundle.MANIFEST, bundle.MODEL]


def test_a_base_without_a_graph_of_reasons_is_not_written_nor_a_graph_without_a_base(folder, bundle_folder, tmp_path):
    with_base, without = bundle.read(folder), bundle.read(bundle_folder)
    for manifest, reasons in ((with_base.manifest, None), (without.manifest, b"a graph")):
        with pytest.raises(ValueError, match="belong together"):
            bundle.write(tmp_path / "half", without.model, manifest, reasons)
    assert not (tmp_path / "half").exists()


@pytest.mark.parametrize(
    ("name", "told"), [(bundle.MODEL, "is not the model that"), (bundle.REASONS, "is not the graph that")]
)
def test_the_file_that_was_changed_is_named(folder, name, told):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UsageError, match=f"{name} {told} its manifest names: remove .*model and run `make train`"):
        bundle.read(folder)


@pytest.mark.parametrize("name", FILES)
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


@pytest.mark.parametrize("name", FILES)
def test_a_bundle_cut_short_or_with_more_behind_it_is_refused(folder, name):
    whole = (folder / name).read_bytes()
    for changed in (b"", whole[:-1], whole[: len(whole) // 2], whole + b" ", whole + whole):
        (folder / name).write_bytes(changed)
        with pytest.raises(UsageError):
            bundle.read(folder)


@pytest.mark.parametrize("name", FILES)
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
    with pytest.raises(UsageError, match=r"is of format 3, this program reads 2: update the program"):
        bundle.read(folder)


def test_an_older_format_is_refused_by_its_number(folder):
    """As bundles were before they said how their answers are explained."""
    document = json.loads((folder / bundle.MANIFEST).read_text())
    del document["reasons"]
    (folder / bundle.MANIFEST).write_text(json.dumps(document | {"format": 1}))
    with pytest.raises(UsageError, match=r"is of format 1, this program reads 2: remove it and run `make train`"):
        bundle.read(folder)


@pytest.mark.parametrize("text", ["[]", "null", "7", "{}", '{"format": "two"}', "{"])
def test_what_is_no_manifest_is_refused(folder, text):
    (folder / bundle.MANIFEST).write_text(text)
    with pytest.raises(UsageError, match="is not a bundle's manifest"):
        bundle.read(folder)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "/etc/x", ".hidden", "-x", "a b", "a\n", "a\0", "ü", "a" * 101]
)
def test_a_name_that_is_no_part_of_a_path_is_refused(folder, tmp_path, name):
    rewritten(folder, tmp_path / "named", name=name)
    with pytest.raises(UsageError) as refused:
        bundle.read(tmp_path / "named")
    assert "is not a bundle's manifest (name: String should match pattern" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["logistic", "a", "blend-of-2_v1.5", "0" * 100])
def test_a_name_that_is_a_part_of_a_path_is_read(folder, tmp_path, name):
    rewritten(folder, tmp_path / "named", name=name)
    assert bundle.read(tmp_path / "named").manifest.name == name


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
        {"reasons": manifest.reasons.model_copy(update={"base": -3.6})},
        {"reasons": manifest.reasons.model_copy(update={"methods": {"logistic regression": "guesses"}})},
        {"features": manifest.features | {first: bundle.TrainingRange(low=0, median=1, high=2)}},
        {"training": training | {"data": {"digest": "1" * 64}}},
    ]
    for i, changed in enumerate(same):
        assert rewritten(folder, tmp_path / f"same{i}", **changed).digest == manifest.digest
    digests = [rewritten(folder, tmp_path / f"other{i}", **changed).digest for i, changed in enumerate(other)]
    assert len({manifest.digest, *digests}) == len(other) + 1
    read = bundle.read(folder)
    model = bundle.write(tmp_path / "m", b"another model", manifest, read.reasons)
    reasons = bundle.write(tmp_path / "r", read.model, manifest, b"other reasons")
    assert len({model.digest, reasons.digest, manifest.digest}) == 3


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


@pytest.mark.parametrize("above", [None, 1.6])
def test_a_number_alone_is_calibrated_to_the_same_bit_as_among_others(above):
    calibration = Calibration(slope=0.7, slope_above=above, intercept=-0.4)
    drawn = np.random.default_rng(42).normal(scale=8, size=20_000).astype(np.float32)
    raw = np.concatenate([drawn, np.float32([0, -0.0, 1e30, -1e30, 1e-30, 88, -104, 700, -750])])
    assert [calibration.apply_one(float(each)) for each in raw] == calibration.apply(raw).tolist()


@pytest.mark.parametrize("start", [-6.0, 0.0, 2.5])
def test_the_mean_slope_of_a_linear_calibration_is_its_slope(start):
    raw = np.array([-1e30, -50, start, start + 1e-9, 3, 1e30])
    assert Calibration(slope=1.7, intercept=-2).secant(start, raw) == pytest.approx(np.full(6, 1.7), rel=1e-9)


@pytest.mark.parametrize("start", [-6.0, 0.0, 2.5])
def test_the_mean_slope_of_a_bent_calibration_lies_between_its_two(start):
    bent = Calibration(slope=0.7, slope_above=1.6, intercept=-0.4)
    raw = np.array([-1e30, -40, -3, -0.1, 1, 40, 1e30])
    at_start, at_raw = bent.log_odds(np.array(start)), bent.log_odds(raw)
    assert at_start + bent.secant(start, raw) * (raw - start) == pytest.approx(at_raw, rel=1e-12)
    # Where both ends meet it is the derivative, and nothing leaps on the way there.
    sides = bent.log_odds(start + np.array([-1e-4, 1e-4]))
    derivative = (sides[1] - sides[0]) / 2e-4
    nearby = start + np.array([0, 1e-300, -1e-12, 1e-9, 0.9e-6, 1.1e-6, -2e-6])
    assert bent.secant(start, nearby) == pytest.approx(np.full(7, derivative), abs=1e-6)
    assert bent.secant(start, np.array([-1e9, 1e9])) == pytest.approx([0.7, 1.6], abs=1e-6)
