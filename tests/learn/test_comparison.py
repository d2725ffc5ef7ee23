"""The comparison against a plain loop with scikit-learn, and its intervals against the truth of a simulation."""

import math

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from fraud.learn.comparison import PROPER, RANKING, compare

WEIGHT = 4.0
PLAIN = {
    "average_precision": average_precision_score,
    "roc_auc": roc_auc_score,
    "log_loss": log_loss,
    "brier_score": brier_score_loss,
}


def binormal(generator, frauds, others, distances, shared=0.7):
    """Labels and a score in (0, 1) for each distance between the classes, correlated by what rows have in common."""
    label = (np.arange(frauds + others) < frauds).astype(np.int8)
    common = generator.normal(size=len(label))
    return label, [
        1
        / (
            1
            + np.exp(-(distance * label + shared * common + (1 - shared**2) ** 0.5 * generator.normal(size=len(label))))
        )
        for distance in distances
    ]


@pytest.fixture(scope="module")
def rounds():
    """Three candidates in two rounds over 300 rows, of which the second judges the later ones."""
    generator = np.random.default_rng(3)
    label, first = binormal(generator, 60, 240, (1.0, 1.4, 0.2))
    order = generator.permutation(300)
    second = [
        np.where(np.arange(300) >= 120, np.roll(score, 1)[order] * 0.5 + score[order] * 0.5, np.nan) for score in first
    ]
    return label[order], {name: [a[order], b] for name, a, b in zip("abc", first, second, strict=True)}


@pytest.fixture(scope="module")
def compared(rounds):
    label, scores = rounds
    return compare(scores, "a", label, WEIGHT, 300, 1, (*RANKING, *PROPER))


@pytest.mark.parametrize("metric", PLAIN)
def test_a_value_is_the_mean_over_rounds_of_the_rows_that_each_judges(rounds, compared, metric):
    label, scores = rounds
    for name, judged in scores.items():
        plain = []
        for score in judged:
            rows = ~np.isnan(score)
            weights = np.where(label[rows] == 1, 1.0, WEIGHT)
            plain.append(PLAIN[metric](label[rows], score[rows], sample_weight=weights))
        assert compared[name].metrics[metric]["value"] == pytest.approx(np.mean(plain))


def test_a_difference_is_that_of_the_values_within_its_interval(compared):
    for name in "bc":
        for metric, difference in compared[name].difference.items():
            values = (compared[of].metrics[metric]["value"] for of in (name, "a"))
            assert difference["value"] == pytest.approx(np.subtract(*values))
            assert difference["low"] <= difference["value"] <= difference["high"]
    assert compared["a"].difference == {}


def test_the_draws_are_paired(rounds, compared):
    """A candidate against itself differs by nothing in any draw; against a relative by less than each varies alone."""
    label, scores = rounds
    twins = compare({"a": scores["a"], "twin": scores["a"]}, "a", label, WEIGHT, 100, 1)["twin"]
    assert all(set(difference.values()) == {0.0} for difference in twins.difference.values())
    assert twins.metrics["roc_auc"]["high"] > twins.metrics["roc_auc"]["low"]
    alone = [np.ptp(list(compared[name].metrics["roc_auc"].values())) for name in "ab"]
    assert np.ptp(list(compared["b"].difference["roc_auc"].values())) < np.hypot(*alone)


def test_the_seed_decides(rounds, compared):
    label, scores = rounds
    again, other = (compare(scores, "a", label, WEIGHT, 300, seed, (*RANKING, *PROPER)) for seed in (1, 2))
    assert again == compared
    assert other["b"].difference != compared["b"].difference
    assert other["b"].metrics["roc_auc"]["value"] == compared["b"].metrics["roc_auc"]["value"]


def test_a_candidate_more_changes_nothing_for_the_others(rounds, compared):
    label, scores = rounds
    fewer = compare({name: scores[name] for name in "ab"}, "a", label, WEIGHT, 300, 1, (*RANKING, *PROPER))
    assert fewer["b"] == compared["b"]


def test_another_round_of_the_same_answers_narrows_nothing(rounds):
    """The interval is about other rows: a repetition brings none, nor does a round that judges half of them."""
    label, scores = rounds
    every, later = scores["b"][0], np.where(np.arange(300) >= 150, scores["b"][0], np.nan)

    def width(*judged):
        interval = compare({"b": judged}, "b", label, WEIGHT, 2_000, 1)["b"].metrics["roc_auc"]
        return interval["high"] - interval["low"]

    assert width(every, every) == width(every)
    # Half of the rows count twice: a little less is known than of each counting once.
    assert width(every, later) > width(every)


def test_a_round_that_judges_two_frauds_judges_two_in_every_draw(rounds):
    """Drawn among all frauds, they would now and then be none, of which no metric knows anything."""
    label, scores = rounds
    few = np.where((label == 0) | (np.cumsum(label) > label.sum() - 2), scores["b"][0], np.nan)
    found = compare({"b": [scores["b"][0], few]}, "b", label, WEIGHT, 500, 1)["b"].metrics
    assert np.isfinite([list(interval.values()) for interval in found.values()]).all()


@pytest.mark.parametrize("later", [0, 150], ids=["rounds alike", "one judges half"])
def test_the_interval_of_a_difference_covers_the_truth(later):
    """Of two candidates whose ROC-AUC is known, in two rounds of the same answers, as often as 95% says."""
    generator, simulations, distances = np.random.default_rng(7), 150, (1.0, 1.5)
    area = [0.5 * (1 + math.erf(distance / 2)) for distance in distances]
    covered = 0
    for _ in range(simulations):
        label, drawn = binormal(generator, 100, 200, distances)
        order = generator.permutation(300)
        scores = {
            name: [score[order], np.where(np.arange(300) >= later, score[order], np.nan)]
            for name, score in zip("ab", drawn, strict=True)
        }
        found = compare(scores, "a", label[order], 1.0, 200, 5)["b"].difference["roc_auc"]
        covered += found["low"] <= area[1] - area[0] <= found["high"]
    assert binom.ppf(0.0005, simulations, 0.95) <= covered <= binom.ppf(0.9995, simulations, 0.95)
