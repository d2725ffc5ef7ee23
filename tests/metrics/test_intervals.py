import numpy as np
import pytest

from fraud.metrics.classification import judge
from fraud.metrics.intervals import bootstrap, interval, values


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(8)
    label = (rng.random(900) < 0.15).astype(np.int8)
    score = rng.normal(size=900) + 1.5 * label
    # Rounded, so that many rows tie.
    probability = np.round(1 / (1 + np.exp(-score)), 2)
    return label, probability, (probability >= 0.7).astype(np.int8)


def test_the_draws_are_those_of_a_plain_loop_over_resampled_rows(judged):
    """The loop draws the same rows, repeats each as often as it was drawn, and judges them from the start."""
    label, probability, prediction = judged
    weight, draws = 0.3, 40
    ours = bootstrap({"model": judge(label, probability, prediction)}, weight, draws, seed=5)["model"]
    rng = np.random.default_rng(5)
    legitimate, frauds = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
    taken = []
    for size in (32, draws - 32):
        drawn = [rng.integers(len(rows), size=(size, len(rows))) for rows in (legitimate, frauds)]
        taken += [np.r_[legitimate[a], frauds[b]] for a, b in zip(*drawn, strict=True)]
    for draw, rows in enumerate(taken):
        alone = values(judge(label[rows], probability[rows], prediction[rows]), weight)
        for name, value in alone.items():
            assert ours[name][draw] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_the_interval_of_recall_agrees_with_the_binomial_one(judged):
    label, probability, prediction = judged
    model = judge(label, probability, prediction)
    recall = values(model, 1.0)["recall"]
    drawn = bootstrap({"model": model}, 1.0, 4_000, seed=1)["model"]["recall"]
    error = np.sqrt(recall * (1 - recall) / label.sum())
    assert drawn.mean() == pytest.approx(recall, abs=4 * error / np.sqrt(4_000))
    assert drawn.std() == pytest.approx(error, rel=0.05)
    found = interval(recall, drawn)
    assert found["low"] == pytest.approx(recall - 1.96 * error, abs=0.25 * error)
    assert found["high"] == pytest.approx(recall + 1.96 * error, abs=0.25 * error)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    truth, covered = 0.7, 0
    for seed in range(150):
        label = np.r_[np.ones(120), np.zeros(50)].astype(np.int8)
        found = rng.random(170) < truth
        model = judge(label, np.where(found, 0.9, 0.1), found.astype(np.int8))
        drawn = bootstrap({"model": model}, 1.0, 200, seed)["model"]["recall"]
        ends = interval(0, drawn)
        covered += ends["low"] <= truth <= ends["high"]
    # 95% of 150 is 142.5, with a standard deviation of 2.7.
    assert 130 <= covered <= 150


def test_models_are_compared_on_the_same_draws(judged):
    model = judge(*judged)
    drawn = bootstrap({"one": model, "same": model}, 0.3, 50, seed=3)
    for name in drawn["one"]:
        assert (drawn["one"][name] - drawn["same"][name] == 0).all()
    assert drawn["one"]["recall"].std() > 0


def test_the_seed_decides(judged):
    model = {"model": judge(*judged)}
    first, again, other = (bootstrap(model, 1.0, 40, seed)["model"]["roc_auc"] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_stratified_draw_keeps_the_number_of_each_class(judged):
    label, *_ = judged
    drawn = bootstrap({"model": judge(*judged)}, 1.0, 33, seed=1)["model"]
    assert len(drawn["recall"]) == 33
    assert np.allclose(drawn["true_positives"] + drawn["false_negatives"], label.sum())
    assert np.allclose(drawn["true_negatives"] + drawn["false_positives"], (label == 0).sum())


def test_an_interval_holds_its_share_of_the_draws():
    assert interval(0.5, np.arange(1_001.0)) == pytest.approx({"value": 0.5, "low": 25, "high": 975})
    assert interval(0.5, np.arange(101.0), confidence=0.8) == pytest.approx({"value": 0.5, "low": 10, "high": 90})
