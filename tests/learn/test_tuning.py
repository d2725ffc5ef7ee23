"""Tuning, watched through the fits that it asks for: what it tries, gives up, keeps, and finds again."""

from dataclasses import replace

import numpy as np
import pytest

from fraud import schema
from fraud.dataset import split
from fraud.learn import calibration, selection, tuning
from fraud.learn.candidates import Range
from fraud.learn.selection import Frame, OutOfTimeError, cross_validate
from fraud.learn.store import Store
from fraud.learn.tuning import tune

WEIGHT = 0.3


@pytest.fixture(scope="module")
def rows(draw):
    return draw(600, 90, 61)


@pytest.fixture(scope="module")
def frame(rows):
    return Frame(rows, WEIGHT, 1)


@pytest.fixture(scope="module")
def folds(rows):
    return list(split.folds(rows, 3, 9))


@pytest.fixture(scope="module")
def tuned(tuned_trees, frame, folds):
    return tune(tuned_trees, frame, folds)


def losses(trial, frame, folds):
    """The weighted log loss of each fold's answers, calibrated there."""
    found = []
    for fold in folds:
        label = frame.label[fold.test]
        answers = trial.out_of_fold[fold.test]
        p = calibration.platt(answers, label, frame.weight).apply(answers)
        right = np.clip(np.where(label == 1, p, 1 - p), np.finfo(float).eps, 1)
        found.append(np.average(-np.log(right), weights=np.where(label == 1, 1, frame.weight)))
    return found


@pytest.fixture
def tried(monkeypatch):
    """The candidates of each attempt by name, with their log loss fold by fold, as they are asked for."""
    attempts = {}

    def watched(candidates, frame, folds):
        trials = cross_validate(candidates, frame, folds)
        for trial in trials:
            attempts.setdefault(trial.candidate.name, (trial.candidate, []))[1].extend(losses(trial, frame, folds))
        return trials

    monkeypatch.setattr(tuning, "cross_validate", watched)
    return attempts


@pytest.fixture
def fits(monkeypatch):
    """The names of the candidates that were fitted, not found."""
    names = []
    fit = selection.fit

    def watched(candidate, *given):
        names.append(candidate.name)
        return fit(candidate, *given)

    monkeypatch.setattr(selection, "fit", watched)
    return names


def test_the_parameters_as_they_stand_are_tried_first_and_the_best_mean_wins(tuned_trees, frame, folds, tried):
    best = tune(tuned_trees, frame, folds)
    assert len(tried) == tuned_trees.attempts
    (first, scored), *_ = tried.values()
    assert first.parameters == tuned_trees.parameters
    assert len(scored) == len(folds)
    (as_it_stands,) = cross_validate([first], frame, folds)
    assert scored == pytest.approx(losses(as_it_stands, frame, folds))
    finished = {name: np.mean(scores) for name, (_, scores) in tried.items() if len(scores) == len(folds)}
    winner, _ = tried[min(finished, key=finished.get)]
    assert best.parameters == winner.parameters
    assert min(finished.values()) < np.mean(scored)
    (again,) = cross_validate([best], frame, folds)
    assert np.mean(losses(again, frame, folds)) == pytest.approx(min(finished.values()))


def test_the_parameters_as_they_stand_stay_where_others_are_better_by_chance(trees, frame, folds, tried):
    """Trees that see other columns by chance: one of the others is mostly best, and next to none is taken."""
    alike = trees("alike", 15)
    parameters = {**alike.parameters, "feature_fraction_bynode": 0.5}
    ranges = {"feature_fraction_bynode": Range(low=0.45, high=0.55)}
    alike = alike.model_copy(update={"parameters": parameters, "search": ranges, "attempts": 6})
    others_best, taken = 0, 0
    for seed in range(4):
        tried.clear()
        taken += tune(alike, replace(frame, seed=seed), folds).parameters != parameters
        means = [np.mean(scores) for _, scores in tried.values() if len(scores) == len(folds)]
        others_best += means[0] > min(means)
    assert others_best >= 2
    assert taken == 0


def test_what_is_tuned_keeps_its_name_and_has_nothing_left_to_look_for(tuned, tuned_trees):
    assert tuned == tuned_trees.model_copy(update={"parameters": tuned.parameters, "search": {}})


def test_attempts_stay_within_the_ranges_and_whole_numbers_whole(trees, frame, folds, tried):
    ranges = {
        "n_estimators": Range(low=3, high=9),
        "num_leaves": Range(low=2, high=5, log=True),
        "learning_rate": Range(low=0.01, high=0.3, log=True),
        "feature_fraction_bynode": Range(low=0.1, high=1.0),
    }
    few = trees("few", 5)
    parameters = {**few.parameters, "num_leaves": 4}
    tune(few.model_copy(update={"search": ranges, "attempts": 10, "parameters": parameters}), frame, folds)
    assert len(tried) == 10
    for attempt, _ in tried.values():
        for name, allowed in ranges.items():
            value = attempt.parameters[name]
            assert allowed.low <= value <= allowed.high
            assert isinstance(value, type(allowed.low))
        assert attempt.parameters.keys() == parameters.keys()
        assert attempt.parameters["reg_lambda"] == few.parameters["reg_lambda"]
    drawn = np.array([[attempt.parameters[name] for name in ranges] for attempt, _ in list(tried.values())[1:]])
    assert (np.ptp(drawn, axis=0) > 0).all()


def test_an_attempt_above_the_median_is_given_up_and_not_fitted_further(tuned_trees, frame, folds, tried, fits):
    """By the rule recomputed: its best mean so far against those of the attempts that earlier batches finished."""
    told = []
    tune(tuned_trees, replace(frame, planned=told.append), folds)
    means = {
        int(name.split()[-1]): np.cumsum(scores) / (1 + np.arange(len(scores))) for name, (_, scores) in tried.items()
    }
    assert sorted(means) == list(range(12))
    given_up = 0
    for attempt, mean in means.items():
        batch = attempt // 4
        finished = [other for number, other in means.items() if number // 4 < batch and len(other) == len(folds)]
        for step in range(len(folds) - 1):
            above = bool(finished) and mean[: step + 1].min() > np.median([other[step] for other in finished])
            if above:
                assert len(mean) == step + 1
                given_up += 1
                break
            assert len(mean) > step + 1
    assert given_up >= 1
    assert len(fits) == sum(map(len, means.values())) == sum(told) < 12 * len(folds)


def test_one_seed_gives_one_result_however_many_jobs(tuned, tuned_trees, frame, folds):
    assert tune(tuned_trees, frame, folds) == tuned
    assert tune(tuned_trees, replace(frame, jobs=2), folds) == tuned
    assert tune(tuned_trees, replace(frame, seed=2), folds) != tuned


def test_nothing_is_looked_at_but_the_rows_that_the_folds_name(tuned, tuned_trees, frame, folds):
    """Rows that no fold trains on or judges turn into their own answer, and nothing changes."""
    apart = folds[0].test[::3]
    less = [split.Split(np.setdiff1d(fold.train, apart), np.setdiff1d(fold.test, apart)) for fold in folds]
    poisoned = frame.rows.copy()
    poisoned.loc[apart, "V1"] = 1e3 * poisoned.loc[apart, "Class"]
    poisoned.loc[apart, list(schema.FEATURES)[2:]] = 7.0
    before, after = (tune(tuned_trees, Frame(rows, WEIGHT, 1), less) for rows in (frame.rows, poisoned))
    assert before == after
    # While in the folds, they count.
    assert tune(tuned_trees, Frame(poisoned, WEIGHT, 1), folds) != tuned


def test_a_candidate_without_ranges_is_left_as_it_is(logistic, frame, folds, fits):
    assert tune(logistic, frame, folds) is logistic
    assert fits == []


@pytest.mark.parametrize("after", [1, 9, 20])
def test_a_killed_one_goes_on_where_it_stood(tuned, tuned_trees, frame, folds, fits, tmp_path, after):
    done = []

    def interrupted():
        done.append(1)
        if len(done) == after:
            raise KeyboardInterrupt

    kept = replace(frame, store=Store(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        tune(tuned_trees, replace(kept, done=interrupted), folds)
    assert len(fits) == after
    # Nor is a fit begun once the time is up, where the store has no answer.
    with pytest.raises(OutOfTimeError):
        tune(tuned_trees, replace(kept, deadline=0.0), folds)
    assert len(fits) == after
    assert tune(tuned_trees, kept, folds) == tuned
    resumed = len(fits)
    assert resumed == len(list(tmp_path.glob("*.npz")))
    # All is there now, even for one in no time at all.
    assert tune(tuned_trees, replace(kept, deadline=0.0), folds) == tuned
    assert len(fits) == resumed
    tune(tuned_trees, frame, folds)
    assert len(fits) == 2 * resumed
