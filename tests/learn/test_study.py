"""The nested study on small data: who judges what, and that nothing learns from the rows that judge it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score

from fraud import schema
from fraud.dataset import split
from fraud.learn import calibration, study
from fraud.learn.candidates import REFERENCE, registry
from fraud.learn.limits import hardest, hindsight
from fraud.learn.select import Effort, choose
from fraud.learn.selection import Frame, cross_validate
from fraud.learn.store import Store
from fraud.learn.study import SELECTED, Plan

PLAN = Plan(folds=3, rounds=1, blocks=2, inner=Effort(folds=2, blocks=2, rungs=1, draws=50), draws=100)
LABEL = schema.LABEL.name


def small(name, **parameters):
    candidate = registry()[name]
    return candidate.model_copy(update={"parameters": {**candidate.parameters, **parameters}, "search": {}})


LOGISTIC, BOOSTING = registry()["logistic"].model_copy(update={"attempts": 2}), small("lightgbm", n_estimators=20)
FOREST = REFERENCE.model_copy(update={"parameters": {"n_estimators": 15}})


@pytest.fixture(scope="module")
def frame(draw, tmp_path_factory):
    return Frame(draw(900, 90, 17), 0.4, 3, store=Store(tmp_path_factory.mktemp("fits")))


@pytest.fixture(scope="module")
def random(frame):
    return study.nested("random", [LOGISTIC, BOOSTING], [FOREST], frame, PLAN)


@pytest.fixture(scope="module")
def chronological(frame):
    return study.nested("chronological", [LOGISTIC, BOOSTING], [FOREST], frame, PLAN)


def test_every_row_is_judged_once_in_each_round_of_the_random_protocol(frame, random):
    assert list(random) == [SELECTED, "logistic", "lightgbm", "forest"]
    for rounds in random.values():
        assert len(rounds) == PLAN.rounds
        for outcome in rounds:
            assert ((outcome.probability >= 0) & (outcome.probability <= 1)).all()
            assert set(outcome.fold) == {0, 1, 2}
    for names in zip(*[[outcome.fold for outcome in rounds] for rounds in random.values()], strict=True):
        assert all(np.array_equal(names[0], other) for other in names)


def test_each_round_deals_other_folds(frame):
    (first, second) = study.nested("random", [LOGISTIC], [], frame, replace(PLAN, rounds=2))["logistic"]
    assert not np.array_equal(first.fold, second.fold)


def test_forward_in_time_no_judged_row_is_older_than_one_that_trained(frame, chronological):
    time = frame.rows[schema.TIME.name].to_numpy()
    folds = list(split.blocks(frame.rows, PLAN.blocks))
    (outcome,) = chronological[SELECTED]
    for k, fold in enumerate(folds):
        assert time[fold.train].max() < time[outcome.fold == k].min()
        assert np.array_equal(np.flatnonzero(outcome.fold == k), fold.test)
    assert np.isnan(outcome.probability[outcome.fold == -1]).all()


def test_the_selection_is_what_choose_picks_among_the_training_rows(frame, random):
    for k, fold in enumerate(split.folds(frame.rows, PLAN.folds, frame.seed)):
        inside = replace(frame, rows=frame.rows.iloc[fold.train].reset_index(drop=True))
        picked = choose([LOGISTIC, BOOSTING], inside, PLAN.inner).candidate.name
        rows = random[SELECTED][0].fold == k
        assert np.array_equal(random[SELECTED][0].probability[rows], random[picked][0].probability[rows])
        assert picked in random[SELECTED][0].candidate.description


def test_a_fold_is_calibrated_on_inner_folds_of_its_training_rows(frame, random):
    """By hand, for one fold of the tree model."""
    fold = next(iter(split.folds(frame.rows, PLAN.folds, frame.seed)))
    inside = frame.rows.iloc[fold.train].reset_index(drop=True)
    inner = Frame(inside, frame.weight, frame.seed)
    (trial,) = cross_validate([BOOSTING], inner, list(split.folds(inside, PLAN.inner.folds, frame.seed)))
    (outer,) = cross_validate([BOOSTING], frame, [fold])
    by_hand = calibration.fit(trial.out_of_fold, inner.label, frame.weight).log_odds(outer.out_of_fold[fold.test])
    assert np.allclose(random["lightgbm"][0].probability[fold.test], expit(by_hand))


def test_a_row_that_judges_a_fold_changes_nothing_for_the_others(frame, random):
    fold = next(iter(split.folds(frame.rows, PLAN.folds, frame.seed)))
    poisoned = frame.rows.copy()
    poisoned.loc[fold.test[5], list(schema.FEATURES)[1:]] = 30.0
    poisoned.loc[fold.test[5], LABEL] = 1 - poisoned.loc[fold.test[5], LABEL]
    again = study._nested_round([LOGISTIC, BOOSTING], [FOREST], replace(frame, rows=poisoned), [fold], PLAN)
    others = np.delete(fold.test, 5)
    for name, outcome in again.items():
        assert np.array_equal(outcome.probability[others], random[name][0].probability[others])
        assert outcome.probability[fold.test[5]] != random[name][0].probability[fold.test[5]]


def test_a_perfect_column_in_the_judged_rows_alone_changes_no_fit(frame):
    """Were it seen in training, the ranking would be perfect; so it is judged by models that know nothing of it."""
    fold = next(iter(split.folds(frame.rows, PLAN.folds, frame.seed)))
    leaking = frame.rows.copy()
    leaking.loc[fold.test, "V1"] = 10.0 * leaking.loc[fold.test, LABEL]
    outcomes = [
        study._fixed_round([LOGISTIC], replace(frame, rows=rows), [fold], PLAN)["logistic"]
        for rows in (frame.rows, leaking)
    ]
    # The logistic fit is the same: the change of its answers is that of one column, by one coefficient.
    margins = [np.log(o.probability[fold.test] / (1 - o.probability[fold.test])) for o in outcomes]
    moved = (leaking["V1"] - frame.rows["V1"]).to_numpy()[fold.test]
    slope = (margins[1] - margins[0]) / moved
    assert np.ptp(slope[np.abs(moved) > 1]) < 1e-3


def test_the_table_has_metrics_differences_and_costs_of_everyone(frame, random):
    rows = {row["name"]: row for row in study.table(random, frame, PLAN, SELECTED)}
    label, weights = frame.label, np.where(frame.label == 1, 1, frame.weight)
    for name, row in rows.items():
        scores = [average_precision_score(label, o.probability, sample_weight=weights) for o in random[name]]
        found = row["metrics"]["average_precision"]
        assert found["value"] == pytest.approx(np.mean(scores))
        assert found["low"] < found["value"] < found["high"]
        assert len(row["by_fold"]) == PLAN.folds * PLAN.rounds
        assert row["fit_seconds"] > 0
        assert row["answer_microseconds"] > 0
        assert (row["bytes"] is None) == (name in ("forest",))
        assert (row["difference"] == {}) == (name == SELECTED)
    gap = rows["forest"]["difference"]["log_loss"]["value"]
    assert gap == pytest.approx(
        rows["forest"]["metrics"]["log_loss"]["value"] - rows[SELECTED]["metrics"]["log_loss"]["value"]
    )


def test_the_advantage_is_the_difference_turned_round(frame, random):
    ahead = study.advantage("lightgbm", random, frame, PLAN)
    behind = {row["name"]: row["difference"] for row in study.table(random, frame, PLAN, "lightgbm")}
    assert set(ahead) == {SELECTED, "logistic", "forest"}
    for name, metrics in ahead.items():
        for metric, found in metrics.items():
            other = behind[name][metric]
            assert (found["value"], found["low"], found["high"]) == (-other["value"], -other["high"], -other["low"])


def test_the_learning_curve_takes_frauds_away_and_leaves_the_rest(frame):
    points = study.learning_curve(LOGISTIC, frame, PLAN, shares=(0.1, 0.5, 1.0))
    assert [point["frauds"] for point in points] == [6, 31, 63]
    assert points[0]["value"] < points[-1]["value"]
    whole = study.fixed("random", [LOGISTIC], frame, PLAN)
    expected = study.table(whole, frame, PLAN, "logistic")[0]["metrics"]["average_precision"]
    assert {key: points[-1][key] for key in expected} == expected


def test_smaller_sets_of_frauds_lie_within_larger_ones(frame):
    rows = np.arange(len(frame.label))
    order = np.random.default_rng(0).permutation(len(rows))
    kept = [set(study._some_frauds(rows, frame.label, order, share)) for share in (0.2, 0.6, 1.0)]
    assert kept[0] < kept[1] < kept[2] == set(rows)


def test_the_hardest_frauds_are_those_that_the_best_candidate_ranks_lowest(frame, random):
    found = hardest(random, frame, most=5)
    legitimate = frame.label == 0

    def above(row):
        return min(
            float(np.mean(rounds[0].probability[legitimate] > rounds[0].probability[row])) for rounds in random.values()
        )

    expected = sorted((above(row) for row in np.flatnonzero(frame.label == 1)), reverse=True)[:5]
    assert [each["legitimate_above"]["best"] for each in found] == pytest.approx(expected)
    assert all(frame.label[each["row"]] == 1 for each in found)
    assert all(0 <= each["frauds_among_ten_nearest"] <= 10 for each in found)


def test_hindsight_is_no_worse_than_any_of_its_members(frame, random):
    found = hindsight(random, frame, ["logistic", "lightgbm"])
    weights = np.where(frame.label == 1, 1, frame.weight)
    alone = [
        average_precision_score(frame.label, random[name][0].probability, sample_weight=weights)
        for name in ("logistic", "lightgbm")
    ]
    assert found["average_precision"] >= max(alone)
    assert sum(found["weights"].values()) == 1
