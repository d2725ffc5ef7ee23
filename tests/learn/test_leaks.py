"""No way from a row's own label, its copies or its future to the answer for it: on rows where there is none to find."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from fraud import schema
from fraud.dataset import split
from fraud.learn import study
from fraud.learn.candidates import REFERENCE, registry
from fraud.learn.engineered import Engineered
from fraud.learn.select import Effort
from fraud.learn.selection import Frame, cross_validate, inputs
from fraud.learn.study import SELECTED, Plan
from fraud.metrics.delong import placements

WEIGHT = 0.3
LABEL, TIME = schema.LABEL.name, schema.TIME.name
COMPONENTS = [column.name for column in schema.COMPONENTS]
PLAN = Plan(folds=3, rounds=1, blocks=3, inner=Effort(folds=2, blocks=1, rungs=1, draws=50), draws=100)
# Two-sided, at 99.9%.
Z = 3.2905


def auc_interval(label, score):
    """DeLong's, at 99.9%."""
    below, above = placements(label, score)
    error = math.sqrt(below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above))
    return below.mean() - Z * error, below.mean() + Z * error


def is_chance(label, score):
    rows = np.isfinite(score)
    low, high = auc_interval(label[rows], score[rows])
    return low <= 0.5 <= high


@pytest.fixture(scope="module")
def light(logistic, tuned_trees, trees):
    """What the whole frame chooses from."""
    return [trees("trees", 10), logistic, tuned_trees.model_copy(update={"attempts": 5})]


@pytest.fixture(scope="module")
def rows(draw):
    return draw(900, 180, 71)


@pytest.fixture(scope="module")
def shuffled(rows):
    """Labels that say nothing about their rows; the copies among these share theirs no more."""
    return rows.assign(Class=np.random.default_rng(72).permutation(rows[LABEL]).astype("int8"))


@pytest.fixture(scope="module")
def folds(shuffled):
    return list(split.folds(shuffled, 3, 73))


# Shuffled labels


@pytest.mark.parametrize("candidate", [*registry().values(), REFERENCE], ids=lambda candidate: candidate.name)
def test_a_candidate_learns_nothing_from_shuffled_labels(candidate, lighten, shuffled, folds):
    label = shuffled[LABEL].to_numpy()
    (trial,) = cross_validate([lighten(candidate)], Frame(shuffled, WEIGHT, 1), folds)
    assert is_chance(label, trial.standing)


@pytest.mark.parametrize("protocol", ["random", "chronological"])
def test_the_whole_frame_learns_nothing_from_shuffled_labels(protocol, light, shuffled):
    """Tuning, choice and calibration of each outer fold included; by the figure that the page shows."""
    label = shuffled[LABEL].to_numpy()
    outcomes = study.nested(
        protocol,
        light,
        [REFERENCE.model_copy(update={"parameters": {"n_estimators": 15}})],
        Frame(shuffled, WEIGHT, 1),
        PLAN,
    )
    assert len(outcomes) == 5
    for (outcome,) in outcomes.values():
        assert is_chance(label, outcome.probability)
    assert np.isfinite(outcomes[SELECTED][0].probability).sum() > 600


@pytest.mark.parametrize("protocol", ["random", "chronological"])
def test_the_same_frame_learns_from_labels_as_they_are(protocol, light, rows):
    """Or the tests above would hold of a frame that learns nothing at all."""
    outcomes = study.nested(protocol, light[:1], [], Frame(rows, WEIGHT, 1), PLAN)
    assert not is_chance(rows[LABEL].to_numpy(), outcomes[SELECTED][0].probability)


# Copies on both sides


@pytest.fixture(scope="module", params=["exact", "near"])
def repeated(request, draw):
    """Each row twice, its labels drawn anew: copies are all that there is to learn."""
    generator = np.random.default_rng(74)
    single = draw(450, 90, 75)
    single[COMPONENTS] = generator.normal(size=(450, len(COMPONENTS))).round(2)
    single[LABEL] = generator.permutation(single[LABEL]).astype("int8")
    again = single.copy()
    if request.param == "near":
        again[COMPONENTS] += generator.uniform(-0.004, 0.004, size=again[COMPONENTS].shape)
        again[TIME] += generator.integers(1, 3_000, 450)
        again["Amount"] = generator.lognormal(3, 1.5, 450).round(2)
    order = generator.permutation(900)
    return pd.concat([single, again]).iloc[order].reset_index(drop=True), order % 450


def test_a_planted_copy_never_stands_on_both_sides(repeated):
    frame, original = repeated
    for seed in range(5):
        for fold in split.folds(frame, 3, seed):
            assert not set(original[fold.train]) & set(original[fold.test])


def test_what_learns_by_heart_profits_from_copies_and_the_folds_take_the_profit(repeated, lighten):
    frame, _ = repeated
    label = frame[LABEL].to_numpy()
    by_heart = lighten(registry()["extra-trees"])

    def standing(folds):
        return cross_validate([by_heart], Frame(frame, WEIGHT, 1), folds)[0].standing

    plain = StratifiedKFold(3, shuffle=True, random_state=1).split(label, label)
    ungrouped = standing([split.Split(train, test) for train, test in plain])
    assert auc_interval(label, ungrouped)[0] > 0.7
    assert is_chance(label, standing(list(split.folds(frame, 3, 1))))


# The future


def looks_ahead(made, rows):
    """Whether an answer changes when training rows of its own second and later ones are changed or are not there."""
    prepared, label = inputs(rows, registry()["features-velocity"])
    time = prepared[:, schema.FEATURES.index(TIME)]
    known = made().fit(prepared, label)
    for now in np.quantile(time, [0.2, 0.5, 0.8], method="lower"):
        asked, later = prepared[time <= now], time >= now
        changed, turned = prepared.copy(), label.copy()
        others = np.random.default_rng(76).permutation(np.flatnonzero(later))
        unlike_time = [column for column in range(prepared.shape[1]) if column != schema.FEATURES.index(TIME)]
        changed[np.ix_(later, unlike_time)] = 3 * prepared[np.ix_(others, unlike_time)] + 1
        turned[later] = 1 - label[later]
        for fitted in (made().fit(changed, turned), made().fit(prepared[~later], label[~later])):
            if not np.array_equal(fitted.transform(asked), known.transform(asked)):
                return True
    return False


class Peeking(Engineered):
    """Windows that end a minute after the row."""

    def _velocity(self, X):
        ahead = X.copy()
        ahead[:, schema.FEATURES.index(TIME)] += 60
        return super()._velocity(ahead)


class PeekingWithinTheSecond(Engineered):
    """Windows that end with the row's own second."""

    def _velocity(self, X):
        return np.searchsorted(self.times_, X[:, schema.FEATURES.index(TIME)], "right")[:, None]


@pytest.fixture(scope="module")
def crowded(draw):
    """Rows of which many share a second and an amount."""
    frame = draw(900, 120, 77)
    return frame.assign(**{TIME: (frame[TIME] // 120) * 60, "Amount": frame["Amount"].round(-1)})


def test_what_is_counted_in_windows_of_time_lies_in_the_past(crowded):
    assert not looks_ahead(lambda: Engineered(["velocity"]), crowded)
    prepared, label = inputs(crowded, registry()["features-velocity"])
    added = Engineered(["velocity"]).fit(prepared, label).transform(prepared)[:, prepared.shape[1] :]
    assert (np.ptp(added, axis=0) > 0).all()


@pytest.mark.parametrize("peeking", [Peeking, PeekingWithinTheSecond])
def test_what_peeks_into_the_future_is_found_out(peeking, crowded):
    assert looks_ahead(lambda: peeking(["velocity"]), crowded)


@pytest.mark.parametrize("kind", ["amount", "hour", "interactions", "distance", "velocity"])
def test_a_row_is_answered_alike_whichever_are_asked_with_it(kind, crowded):
    prepared, label = inputs(crowded, registry()["features-velocity"])
    fitted = Engineered([kind]).fit(prepared[:600], label[:600])
    together = fitted.transform(prepared[600:])
    alone = np.concatenate([fitted.transform(row[None]) for row in prepared[600:]])
    assert np.array_equal(together, alone)


def test_a_block_of_time_is_judged_without_anything_later(crowded, lighten):
    """Of the frame itself: all rows of the last block, and their labels, become others."""
    candidates = [
        lighten(registry()[name]) for name in ("logistic", "lightgbm", "features-velocity", "features-amount")
    ]
    *earlier, last = split.blocks(crowded, 3)
    changed = crowded.copy()
    changed.loc[last.test, [*COMPONENTS, "Amount"]] = 99.0
    changed.loc[last.test, LABEL] = 1 - changed.loc[last.test, LABEL]
    assert len(earlier) == 2
    before, after = (cross_validate(candidates, Frame(frame, WEIGHT, 1), earlier) for frame in (crowded, changed))
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.out_of_fold, other.out_of_fold, equal_nan=True)
    assert np.isfinite(before[0].standing).sum() == sum(len(fold.test) for fold in earlier)


# A perfect column where it must not be seen


@pytest.mark.parametrize("protocol", ["random", "chronological"])
def test_a_perfect_column_in_the_rows_that_judge_changes_nothing(protocol, light, rows):
    """The amount of an outer fold's rows becomes their label; fits, choice and calibration, as the answers for a few
    rows that are left as they were show, stay bit for bit."""
    frame = Frame(rows, WEIGHT, 1)
    dealt = split.folds(rows, PLAN.folds, 1) if protocol == "random" else split.blocks(rows, PLAN.blocks)
    fold = list(dealt)[-1]
    left = fold.test[::10]
    overwritten = np.setdiff1d(fold.test, left)
    perfect = rows.copy()
    perfect.loc[overwritten, "Amount"] = 1e4 * perfect.loc[overwritten, LABEL]
    before, after = (study.nested(protocol, light, [], replace(frame, rows=given), PLAN) for given in (rows, perfect))
    assert before.keys() == after.keys()
    for name in before:
        (one,), (other,) = before[name], after[name]
        assert np.array_equal(one.fold, other.fold)
        assert len(set(one.fold[left])) == 1
        assert np.array_equal(one.probability[left], other.probability[left])
    last_chosen = [made[SELECTED][0].candidate.description.split(", ")[-1] for made in (before, after)]
    assert last_chosen[0] == last_chosen[1]
    # Where it is asked and where it trains, it is seen by what reads every column: forward in time it trains nothing.
    (one,), (other,) = (made["logistic"] for made in (before, after))
    assert not np.array_equal(one.probability[overwritten], other.probability[overwritten])
    elsewhere = np.setdiff1d(np.flatnonzero(one.fold >= 0), fold.test)
    unchanged = np.array_equal(one.probability[elsewhere], other.probability[elsewhere])
    assert unchanged == (protocol == "chronological")
