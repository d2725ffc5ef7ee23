from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from fraud.dataset import split
from fraud.learn import selection
from fraud.learn.beside import beside, thinner
from fraud.learn.candidates import Candidate, registry
from fraud.learn.selection import Frame

WEIGHT = 0.2


@pytest.fixture(scope="module")
def candidates(lighten) -> list[Candidate]:
    return [lighten(registry()["lightgbm"]), registry()["logistic"]]


@pytest.fixture(scope="module")
def frame(draw) -> Frame:
    return Frame(draw(1_500, 150, 31), WEIGHT, 1)


@pytest.fixture(scope="module")
def folds(frame) -> list[split.Split]:
    return list(split.folds(frame.rows, 3, 1))


@pytest.fixture(scope="module")
def found(candidates, frame, folds):
    trials = selection.cross_validate(candidates, frame, folds)
    return trials, beside(trials, frame, folds, thinner(frame, folds), 200)


def test_smaller_sets_lie_within_larger_ones_and_hold_both_classes_alike(frame, folds):
    label = frame.label
    parts = [*thinner(frame, folds), folds]
    assert len(parts) == 4
    for k, fold in enumerate(folds):
        kept = [part[k].train for part in parts]
        for fewer, more in pairwise(kept):
            assert set(fewer) < set(more)
        for rows, share in zip(kept, (0.125, 0.25, 0.5, 1), strict=True):
            assert np.array_equal(rows, np.sort(rows))
            for value in (0, 1):
                assert (label[rows] == value).sum() == pytest.approx(share * (label[fold.train] == value).sum(), abs=1)
        assert all(np.array_equal(part[k].test, fold.test) for part in parts)
        # Of all hours, not the earliest.
        assert np.mean(kept[0]) == pytest.approx(np.mean(fold.train), rel=0.15)


def test_a_share_with_too_few_frauds_is_left_out(draw):
    for frauds, parts in ((110, 2), (50, 1), (12, 0)):
        few = Frame(draw(600, frauds, 5), WEIGHT, 1)
        folds = list(split.folds(few.rows, 2, 1))
        least = [min(few.label[fold.train].sum() for fold in part) for part in thinner(few, folds)]
        assert len(least) == parts
        assert all(count >= 10 for count in least)


def test_each_candidate_is_worth_what_its_rows_say_with_the_difference_to_the_recipe(found, frame):
    trials, told = found
    weights = np.where(frame.label == 1, 1, WEIGHT)
    worth = [average_precision_score(frame.label, trial.standing, sample_weight=weights) for trial in trials]
    for candidate, trial, value in zip(told["candidates"], trials, worth, strict=True):
        assert candidate["name"] == trial.candidate.name
        assert candidate["by_fold"] == trial.average_precision
        assert candidate["average_precision"]["value"] == pytest.approx(value)
        assert candidate["average_precision"]["low"] < value < candidate["average_precision"]["high"]
    recipe, other = told["candidates"]
    assert recipe["difference"] is None
    assert other["difference"]["value"] == pytest.approx(worth[1] - worth[0])
    # Paired: narrower than the two would be apart.
    width = [figure["high"] - figure["low"] for figure in (other["difference"], other["average_precision"])]
    assert width[0] < width[1]


def test_the_curve_ends_in_the_recipe_itself_and_rises_to_it(found, frame, folds):
    trials, told = found
    *fewer, whole = told["learning_curve"]
    assert whole["average_precision"] == told["candidates"][0]["average_precision"]
    assert whole["difference"] is None
    assert whole["rows"] == round(np.mean([len(fold.train) for fold in folds]))
    for point, part in zip(fewer, thinner(frame, folds), strict=True):
        assert point["rows"] == round(np.mean([len(fold.train) for fold in part]))
        assert point["frauds"] == round(np.mean([frame.label[fold.train].sum() for fold in part]))
        (trial,) = selection.cross_validate((trials[0].candidate,), frame, part)
        weights = np.where(frame.label == 1, 1, WEIGHT)
        value = average_precision_score(frame.label, trial.standing, sample_weight=weights)
        assert point["average_precision"]["value"] == pytest.approx(value)
        assert point["difference"]["value"] == pytest.approx(value - whole["average_precision"]["value"])
    assert fewer[0]["difference"]["high"] < 0


def test_where_no_share_is_left_there_is_no_curve(found, frame, folds):
    trials, _ = found
    assert beside(trials, frame, folds, [], 100)["learning_curve"] == []
