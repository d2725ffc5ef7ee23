import shutil
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import average_precision_score

from fraud import artefacts, schema
from fraud.dataset import split
from fraud.learn import selection
from fraud.learn import store as kept_fits
from fraud.learn.candidates import Candidate, fit, registry
from fraud.learn.export import to_graph
from fraud.learn.selection import Frame
from fraud.learn.store import Store

LOGISTIC, BOOSTING = registry()["logistic"], registry()["lightgbm"]
LABEL = schema.LABEL.name


@pytest.fixture(scope="module")
def training(draw):
    return draw(600, 60, 31)


@pytest.fixture(scope="module")
def folds(training):
    return list(split.folds(training, 3, 1))


@pytest.fixture(scope="module")
def trials(training, folds):
    return selection.cross_validate((LOGISTIC, BOOSTING), Frame(training, 0.2, 1), folds)


def test_each_row_is_scored_by_a_fit_that_has_not_seen_it(training, folds, trials):
    """By a plain loop."""
    for trial in trials:
        for fold, score in zip(folds, trial.average_precision, strict=True):
            prepared, label = selection.inputs(training, trial.candidate)
            answers = fit(trial.candidate, prepared[fold.train], label[fold.train], 0.2, 1).output(prepared[fold.test])
            assert np.allclose(trial.out_of_fold[fold.test], answers)
            weights = np.where(label[fold.test] == 1, 1, 0.2)
            assert score == pytest.approx(average_precision_score(label[fold.test], answers, sample_weight=weights))
        assert trial.score == pytest.approx(np.mean(trial.average_precision))
        assert not np.isnan(trial.out_of_fold).any()


def test_a_row_that_judges_a_fold_does_not_change_the_answers_to_the_others(training, folds, trials):
    """Its label and features are turned into something else; its own fold's other answers stay bit for bit."""
    fold = folds[0]
    poisoned = training.copy()
    row = fold.test[7]
    poisoned.loc[row, LABEL] = 1 - poisoned.loc[row, LABEL]
    poisoned.loc[row, list(schema.FEATURES)] = 55.0
    again = selection.cross_validate((LOGISTIC, BOOSTING), Frame(poisoned, 0.2, 1), folds)
    others = fold.test[fold.test != row]
    for before, after in zip(trials, again, strict=True):
        assert np.array_equal(before.out_of_fold[others], after.out_of_fold[others])
        assert not np.array_equal(before.out_of_fold[folds[1].test], after.out_of_fold[folds[1].test])


def test_two_jobs_answer_as_one_does(training, folds, trials):
    again = selection.cross_validate((LOGISTIC, BOOSTING), Frame(training, 0.2, 1, jobs=2), folds)
    for one, two in zip(trials, again, strict=True):
        assert one.candidate is two.candidate
        assert np.array_equal(one.out_of_fold, two.out_of_fold)
        assert one.average_precision == two.average_precision


def test_progress_is_told_after_each_fit(training, folds):
    calls = []
    selection.cross_validate((LOGISTIC,), Frame(training, 1.0, 1, done=lambda: calls.append(1)), folds)
    assert len(calls) == 3


def test_a_trial_is_recorded_with_its_folds(trials):
    record = trials[0].record()
    assert record["name"] == "logistic"
    assert record["average_precision"] == pytest.approx(np.mean(record["by_fold"]))
    assert record["seconds"] >= 0


def test_the_input_is_float32_and_the_label_is_no_part_of_it(training):
    prepared, label = selection.inputs(training, LOGISTIC)
    assert (prepared.dtype, prepared.shape) == (np.float32, (600, 30))
    assert np.array_equal(label, training[LABEL])
    turned, _ = selection.inputs(training.assign(Class=1 - training[LABEL]), LOGISTIC)
    assert np.array_equal(prepared, turned)


def test_a_blend_is_the_mean_of_its_members_and_fits_none_twice(training, folds, trials):
    blend = Candidate(name="blend", description="both", members=(LOGISTIC, BOOSTING))
    calls = []
    frame = Frame(training, 0.2, 1, done=lambda: calls.append(1))
    one, both = selection.cross_validate((LOGISTIC, blend), frame, folds)
    assert len(calls) == 2 * len(folds)
    assert np.array_equal(one.out_of_fold, trials[0].out_of_fold)
    assert np.allclose(both.out_of_fold, (trials[0].out_of_fold + trials[1].out_of_fold) / 2)


def test_members_count_what_the_blend_says(training, folds, trials):
    blend = Candidate(name="blend", description="both", members=(LOGISTIC, BOOSTING), counts=(3, 1))
    (both,) = selection.cross_validate((blend,), Frame(training, 0.2, 1), folds)
    assert np.allclose(both.out_of_fold, (3 * trials[0].out_of_fold + trials[1].out_of_fold) / 4)


@pytest.mark.parametrize(
    ("estimator", "scale", "said"),
    [
        ("lightgbm", "all", "takes raw columns"),
        ("histogram boosting", "compressed", "has no graph on compressed columns"),
        ("perceptrons", "all", "perceptrons need compressed columns"),
    ],
)
def test_what_has_no_exact_graph_is_refused_when_it_is_read(estimator, scale, said):
    with pytest.raises(ValidationError, match=said):
        Candidate(name="one", description="", estimator=estimator, scale=scale)


def test_members_of_one_name_and_other_content_are_fitted_each(training, folds, trials):
    """As where a recipe in a file has a tuned member of the name that a candidate has untuned."""
    other = LOGISTIC.model_copy(update={"parameters": {"C": 1e-4}})
    blend = Candidate(name="blend", description="of another", members=(other, BOOSTING))
    one, both, alone = selection.cross_validate((LOGISTIC, blend, other), Frame(training, 0.2, 1), folds)
    assert np.array_equal(one.out_of_fold, trials[0].out_of_fold)
    assert not np.allclose(alone.out_of_fold, one.out_of_fold)
    assert np.allclose(both.out_of_fold, (alone.out_of_fold + trials[1].out_of_fold) / 2)


@pytest.mark.parametrize("counts", [(1,), (1, 2, 3), (1, 0)])
def test_counts_that_are_not_those_of_the_members_are_refused(counts):
    with pytest.raises(ValidationError, match="blend: counts need one number above 0 for each member"):
        Candidate(name="blend", description="both", members=(LOGISTIC, BOOSTING), counts=counts)


def test_what_is_in_the_store_is_not_fitted_again(training, folds, trials, tmp_path, monkeypatch):
    frame = Frame(training, 0.2, 1, store=Store(tmp_path))
    first = selection.cross_validate((BOOSTING,), frame, folds)
    monkeypatch.setattr(selection, "fit", None)
    again = selection.cross_validate((BOOSTING,), frame, folds)
    assert np.array_equal(first[0].out_of_fold, again[0].out_of_fold)
    assert np.array_equal(first[0].out_of_fold, trials[1].out_of_fold)
    # Another weight is another question.
    with pytest.raises(TypeError):
        selection.cross_validate((BOOSTING,), Frame(training, 0.3, 1, store=Store(tmp_path)), folds)


def test_what_another_version_of_a_package_answered_is_fitted_again(training, folds, tmp_path, monkeypatch):
    store, versions = Store(tmp_path), artefacts.versions()
    monkeypatch.setattr(kept_fits, "_environment", kept_fits._environment.__wrapped__)
    keys = set()
    for asked in (versions, versions | {"lightgbm": "0"}, versions | {"scipy": None}):
        monkeypatch.setattr(artefacts, "versions", lambda asked=asked: asked)
        keys.add(store.key(BOOSTING, *selection.inputs(training, BOOSTING), folds[0], 0.2, 1))
    assert len(keys) == 3


def test_a_damaged_answer_is_fitted_again(training, folds, trials, tmp_path):
    frame = Frame(training, 0.2, 1, store=Store(tmp_path))
    selection.cross_validate((LOGISTIC,), frame, folds)
    for kept in tmp_path.glob("*.npz"):
        kept.write_bytes(kept.read_bytes()[:100])
    (again,) = selection.cross_validate((LOGISTIC,), frame, folds)
    assert np.array_equal(again.out_of_fold, trials[0].out_of_fold)


def test_no_fit_begins_after_the_deadline_and_what_was_fitted_is_kept(training, folds, tmp_path):
    store = Store(tmp_path)
    selection.cross_validate((LOGISTIC,), Frame(training, 0.2, 1, store=store), folds[:2])
    late = Frame(training, 0.2, 1, store=store, deadline=0.0)
    selection.cross_validate((LOGISTIC,), late, folds[:2])
    with pytest.raises(selection.OutOfTimeError):
        selection.cross_validate((LOGISTIC,), late, folds)


def test_an_answer_that_another_run_keeps_meanwhile_is_no_other_folds(training, folds, trials, tmp_path):
    """Two runs share a store; what one of them finds done half-way must not shift what it does itself."""
    theirs, ours = Store(tmp_path / "theirs"), Store(tmp_path / "ours")
    for folder in (theirs.folder, ours.folder):
        folder.mkdir()
    selection.cross_validate((LOGISTIC,), Frame(training, 0.2, 1, store=theirs), folds[1:2])
    (kept,) = theirs.folder.iterdir()
    frame = Frame(training, 0.2, 1, store=ours, done=lambda: shutil.copy(kept, ours.folder))
    (shared,) = selection.cross_validate((LOGISTIC,), frame, folds)
    assert np.array_equal(shared.out_of_fold, trials[0].out_of_fold)
    (again,) = selection.cross_validate((LOGISTIC,), Frame(training, 0.2, 1, store=ours), folds)
    assert np.array_equal(again.out_of_fold, trials[0].out_of_fold)


def test_standing_is_the_share_of_its_own_folds_rows_that_a_row_outranks(folds, trials):
    for trial in trials:
        for fold in folds:
            output = trial.out_of_fold[fold.test]
            below, level = (compared(output[None, :], output[:, None]).sum(1) for compared in (np.less, np.equal))
            assert trial.standing[fold.test] == pytest.approx((below + (level + 1) / 2) / len(output))


def test_standing_is_made_by_no_label(training, folds, trials):
    """The fits see the labels of their training rows; those of the rows that they judge turn round."""
    fold = folds[0]
    turned = training.copy()
    turned.loc[fold.test, LABEL] = 1 - turned.loc[fold.test, LABEL]
    for before, after in zip(
        trials, selection.cross_validate((LOGISTIC, BOOSTING), Frame(turned, 0.2, 1), [fold]), strict=True
    ):
        assert np.array_equal(before.standing[fold.test], after.standing[fold.test])
        assert before.average_precision[0] != after.average_precision[0]
        assert np.isnan(np.delete(after.standing, fold.test)).all()


def test_standing_does_not_hang_on_the_scale_of_a_fold(training, folds, trials, monkeypatch):
    """Each fold's fit answers on a scale of its own; the order inside a fold is all that is taken of it."""
    scales = iter([np.exp, np.cbrt, lambda margin: 1e-3 * margin - 40])
    answer = selection._answer

    def rescaled(*given):
        answered = answer(*given)
        return replace(answered, output=next(scales)(answered.output))

    monkeypatch.setattr(selection, "_answer", rescaled)
    (trial,) = selection.cross_validate((LOGISTIC,), Frame(training, 0.2, 1), folds)
    assert not np.allclose(trial.out_of_fold, trials[0].out_of_fold)
    assert trial.standing == pytest.approx(trials[0].standing)
    assert trial.average_precision == pytest.approx(trials[0].average_precision)


def test_the_size_is_that_of_the_exported_graph_and_none_of_what_has_none(training, folds, trials, tmp_path):
    prepared, label = selection.inputs(training, LOGISTIC)
    graph = to_graph(fit(LOGISTIC, prepared[folds[-1].train], label[folds[-1].train], 0.2, 1))
    assert trials[0].size == len(graph)
    blend = Candidate(name="blend", description="both", members=(LOGISTIC, BOOSTING))
    votes = registry()["extra-trees"].model_copy(update={"parameters": {"n_estimators": 5}})
    kept = Frame(training, 0.2, 1, store=Store(tmp_path))
    for _ in ("fitted", "found"):
        both, none = selection.cross_validate((blend, votes), kept, folds)
        assert both.size == sum(trial.size for trial in trials)
        assert none.size is None
