import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from fraud import schema
from fraud.dataset import split
from fraud.learn import selection
from fraud.learn.candidates import Candidate, fit, registry
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
