"""The choice against a plain recomputation of its rules, on data where a line is enough and on data where it is not."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss

from fraud import schema
from fraud.dataset import split
from fraud.learn import calibration
from fraud.learn.comparison import PROPER, compare
from fraud.learn.select import Effort, choose, deals
from fraud.learn.selection import Frame, OutOfTimeError, cross_validate
from fraud.learn.store import Store

WEIGHT = 0.3
LABEL = schema.LABEL.name
EFFORT = Effort(folds=3, blocks=2, rungs=3, draws=200)
SHORT = replace(EFFORT, rungs=1)


@pytest.fixture(scope="module")
def rows(draw):
    return draw(700, 120, 51)


@pytest.fixture(scope="module")
def frame(rows):
    return Frame(rows, WEIGHT, 1)


@pytest.fixture(scope="module")
def interacting(rows):
    """Frauds are where V1 and V2 have the same sign, which no line can say."""
    generator = np.random.default_rng(2)
    made = rows.copy()
    made[["V4", "V14"]] = generator.normal(size=(len(rows), 2))
    together = made["V1"] * made["V2"]
    made[LABEL] = (together + generator.normal(scale=0.1, size=len(rows)) > np.quantile(together, 0.8)).astype("int8")
    return Frame(made, WEIGHT, 1)


@pytest.fixture(scope="module")
def candidates(logistic, trees):
    """Eight, the costlier among the first, so that neither their order nor their cost is that of their worth."""
    penalties = {f"line {C:g}": C for C in (1e-6, 1e-4, 1e-3, 0.01, 0.1)}
    lines = [
        logistic.model_copy(update={"name": name, "parameters": {"C": C}, "scale": "all" if C > 1e-6 else None})
        for name, C in penalties.items()
    ]
    return [trees("5 trees", 5), trees("60 trees", 60), trees("20 trees", 20), *lines]


@pytest.fixture(scope="module")
def choice(candidates, frame):
    return choose(candidates, frame, EFFORT)


def described(choice):
    """All but the seconds, which no two runs share."""
    record = choice.record()
    for trials in record["trials"].values():
        for trial in trials:
            del trial["seconds"]
    return record


def scores(choice, frame, rungs):
    """The mean over all trials of so many rungs, each by its own ranking of the rows that it judges."""
    label = frame.label
    weights = np.where(label == 1, 1.0, frame.weight)
    return {
        name: np.mean(
            [
                average_precision_score(
                    label[~np.isnan(trial.standing)],
                    trial.standing[~np.isnan(trial.standing)],
                    sample_weight=weights[~np.isnan(trial.standing)],
                )
                for trial in trials[: 2 * rungs]
            ]
        )
        for name, trials in choice.trials.items()
        if len(trials) >= 2 * rungs
    }


def calibrated(choice, finalist, frame):
    """Of each trial, by Platt's calibration of the rows of each fold by others of it."""
    made = []
    for trial in choice.trials[finalist.candidate.name]:
        probability = np.full(len(trial.fold), np.nan)
        for k in range(trial.fold.max() + 1):
            rows = trial.fold == k
            probability[rows] = calibration.cross_fitted(trial.out_of_fold[rows], frame.label[rows], frame.weight)
        assert np.array_equal(np.isfinite(probability), np.isfinite(trial.out_of_fold))
        made.append(probability)
    return made


def test_after_each_rung_the_better_half_goes_on_and_three_after_the_last(choice, candidates, frame):
    left = [candidate.name for candidate in candidates]
    for rung in range(EFFORT.rungs):
        reached = {name for name, trials in choice.trials.items() if len(trials) >= 2 * (rung + 1)}
        assert reached == set(left)
        score = scores(choice, frame, rung + 1)
        assert len(set(score.values())) == len(score)
        kept = 3 if rung == EFFORT.rungs - 1 else max(3, ceil(len(left) / 2))
        left = sorted(left, key=lambda name: -score[name])[:kept]
    assert {finalist.candidate.name for finalist in choice.finalists} == set(left)
    assert choice.complete


def test_a_rung_is_judged_on_random_folds_and_on_later_blocks_both_dealt_anew(choice, candidates, frame):
    dealt = [deals(frame, EFFORT, rung) for rung in range(EFFORT.rungs)]
    assert len({split.digest(folds[0].test) for both in dealt for folds in both}) == 2 * EFFORT.rungs
    time = frame.rows[schema.TIME.name].to_numpy()
    for everywhere, forward in dealt:
        assert sum(len(fold.test) for fold in everywhere) == len(time)
        assert all(time[fold.train].max() < time[fold.test].min() for fold in forward)
    finalist = choice.finalists[0].candidate
    plain = [trial for both in dealt for folds in both for trial in cross_validate([finalist], frame, folds)]
    for expected, trial in zip(plain, choice.trials[finalist.name], strict=True):
        assert np.array_equal(expected.standing, trial.standing, equal_nan=True)


def test_rows_of_one_second_leave_the_random_folds_alone(rows):
    at_once = Frame(rows.assign(Time=0.0), WEIGHT, 1)
    assert len(deals(at_once, EFFORT, 0)) == 1


@pytest.mark.parametrize("data", ["frame", "interacting"])
def test_the_cheapest_is_chosen_unless_a_costlier_one_wins_by_more_than_its_interval(data, candidates, request):
    frame = request.getfixturevalue(data)
    choice = choose(candidates, frame, SHORT)
    sizes = [finalist.size for finalist in choice.finalists]
    assert sizes == sorted(sizes)
    probabilities = {finalist.candidate.name: calibrated(choice, finalist, frame) for finalist in choice.finalists}
    names = list(probabilities)
    expected = names[0]
    for costlier in names[1:]:
        paired = compare(probabilities, expected, frame.label, WEIGHT, SHORT.draws, frame.seed, PROPER)[costlier]
        if paired.difference["log_loss"]["high"] < 0:
            expected = costlier
    assert choice.candidate.name == expected


def test_trees_win_where_a_line_can_not(interacting, logistic, trees):
    many = trees("60 trees", 60)
    choice = choose([many, logistic], interacting, SHORT)
    assert [finalist.candidate.name for finalist in choice.finalists] == ["logistic", "60 trees"]
    assert choice.candidate == many


def test_a_costlier_one_that_is_better_by_chance_is_not_chosen(frame, logistic, trees):
    """Of what differs in name alone, and of what is higher by less than it would be on other rows."""
    twin = trees("twin", 20)
    assert choose([trees("first", 20), twin], frame, SHORT).candidate.name == "first"
    few, many = trees("30 trees", 30), trees("31 trees", 31)
    choice = choose([many, few], frame, SHORT)
    score = scores(choice, frame, 1)
    assert score["31 trees"] > score["30 trees"]
    assert choice.candidate == few


def test_the_finalists_are_told_with_the_metrics_of_their_comparison(choice, frame):
    standings = {
        name: [t.standing for t in choice.trials[name]] for name in (f.candidate.name for f in choice.finalists)
    }
    plain = compare(standings, choice.candidate.name, frame.label, WEIGHT, EFFORT.draws, frame.seed)
    for finalist in choice.finalists:
        assert finalist.metrics.items() > plain[finalist.candidate.name].metrics.items()
        losses = []
        for probability in calibrated(choice, finalist, frame):
            label, judged = frame.label[np.isfinite(probability)], probability[np.isfinite(probability)]
            losses.append(log_loss(label, judged, sample_weight=np.where(label == 1, 1, WEIGHT)))
        assert finalist.metrics["log_loss"]["value"] == pytest.approx(np.mean(losses))
        assert finalist.size == choice.trials[finalist.candidate.name][0].size > 0
        value = finalist.metrics["average_precision"]["value"]
        assert value == pytest.approx(scores(choice, frame, EFFORT.rungs)[finalist.candidate.name])


def test_one_seed_gives_one_choice_and_two_jobs_the_same(choice, candidates, frame):
    assert described(choose(candidates, frame, EFFORT)) == described(choice)
    assert described(choose(candidates, replace(frame, jobs=2), EFFORT)) == described(choice)


def test_another_seed_lies_within_the_interval_of_the_first(choice, candidates, frame):
    """On other folds, by models of other seeds."""
    other = choose(candidates, replace(frame, seed=2), EFFORT)
    assert described(other) != described(choice)
    first, second = (
        next(f.metrics["average_precision"] for f in made.finalists if f.candidate == made.candidate)
        for made in (choice, other)
    )
    assert first["low"] <= second["value"] <= first["high"]


def test_what_is_tuned_is_told_as_it_was_tuned(frame, logistic, tuned_trees):
    choice = choose([tuned_trees, logistic], frame, SHORT)
    tuned, as_it_was = choice.candidates
    assert as_it_was == logistic
    assert tuned.parameters != tuned_trees.parameters
    assert 1 <= tuned.parameters["n_estimators"] <= 30
    assert choice.trials["tuned"][0].candidate == tuned
    assert choice.record()["candidates"][0]["parameters"] == tuned.parameters


def test_the_folds_that_tune_are_not_those_that_judge(frame, tuned_trees):
    """On the same ones, the parameters that fit them best would be judged by them."""
    dealt = []
    choose([tuned_trees], replace(frame, store=Noting(dealt)), SHORT)
    judging = {split.digest(fold.test) for folds in deals(frame, SHORT, 0) for fold in folds}
    assert len(set(dealt) - judging) == SHORT.folds
    assert judging < set(dealt)


class Noting(Store):
    """A store that keeps nothing but a note of which rows judged."""

    def __init__(self, dealt):
        super().__init__()
        object.__setattr__(self, "dealt", dealt)

    def key(self, candidate, prepared, label, fold, weight, seed):
        self.dealt.append(split.digest(fold.test))
        return ""


def test_time_that_ends_in_a_later_rung_leaves_a_choice_that_says_so(candidates, frame, tmp_path):
    store = Store(tmp_path)
    first = choose(candidates, replace(frame, store=store), SHORT)
    late = replace(frame, store=store, deadline=0.0)
    choice = choose(candidates, late, EFFORT)
    assert not choice.complete
    assert described(choice) == described(first) | {"complete": False}


def test_time_that_ends_in_the_first_rung_or_in_tuning_leaves_none(candidates, frame, tuned_trees):
    late = replace(frame, deadline=0.0)
    for given in (candidates, [tuned_trees]):
        with pytest.raises(OutOfTimeError):
            choose(given, late, EFFORT)


def test_a_choice_that_was_cut_short_goes_on_where_it_stood(choice, candidates, frame, tmp_path):
    done = []

    def interrupted():
        done.append(1)
        if len(done) == 32:
            raise KeyboardInterrupt

    kept = replace(frame, store=Store(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        choose(candidates, replace(kept, done=interrupted), EFFORT)
    stood = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(stood) == 32
    assert described(choose(candidates, kept, EFFORT)) == described(choice)
    assert stood == {path: path.stat().st_mtime_ns for path in stood}
