import numpy as np
import pytest

from fraud.metrics.classification import judge
from fraud.metrics.intervals import bootstrap, interval, values
from fraud.metrics.slices import METRICS, slices


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(8)
    label = (rng.random(900) < 0.15).astype(np.int8)
    probability = np.round(1 / (1 + np.exp(-rng.normal(size=900) - 1.5 * label)), 2)
    return label, probability, (probability >= 0.7).astype(np.int8), rng.uniform(0, 30, 900).round()


def test_a_slice_has_the_figures_of_its_rows_alone(judged):
    label, probability, prediction, along = judged
    found = slices(label, probability, prediction, along, (10, 20), 0.3, 50, seed=5)
    assert [(each["from"], each["to"]) for each in found] == [(None, 10), (10, 20), (20, None)]
    for each, rows in zip(found, [along < 10, (along >= 10) & (along < 20), along >= 20], strict=True):
        assert (each["rows"], each["frauds"], each["few"]) == (rows.sum(), label[rows].sum(), False)
        model = judge(label[rows], probability[rows], prediction[rows])
        drawn = bootstrap({"model": model}, 0.3, 50, seed=5)["model"]
        for name in METRICS:
            assert each[name] == interval(values(model, 0.3)[name], drawn[name]), name


def test_a_slice_done_by_hand():
    """Below 1 one of two frauds is found with one false alarm, which counts 3."""
    label = np.array([1, 1, 0, 0, 1], dtype=np.int8)
    probability = np.array([0.9, 0.2, 0.8, 0.1, 0.7])
    prediction = (probability > 0.5).astype(np.int8)
    low, high = slices(label, probability, prediction, np.array([0.0, 0, 0, 0, 1]), (1,), 3.0, 100, seed=1)
    assert (low["rows"], low["frauds"], low["few"]) == (4, 2, True)
    assert low["recall"]["value"] == 0.5
    assert low["precision"]["value"] == 0.25
    assert low["average_precision"]["value"] == pytest.approx((1 + 2 / 5) / 2)
    assert low["roc_auc"]["value"] == 0.75
    assert low["expected_to_observed"]["value"] == pytest.approx((1.1 + 3 * 0.9) / 2)
    assert (high["rows"], high["frauds"]) == (1, 1)
    assert all(high[name] is None for name in METRICS)


def test_ten_frauds_are_not_few():
    def few(frauds):
        label = np.r_[np.ones(frauds), np.zeros(5)].astype(np.int8)
        return slices(label, label * 0.5, label, np.zeros(len(label)), (), 1.0, 100, seed=1)[0]["few"]

    assert (few(9), few(10)) == (True, False)


def test_a_slice_without_alerts_has_a_recall_and_no_precision():
    label = np.array([1, 0, 0], dtype=np.int8)
    found = slices(label, np.array([0.3, 0.2, 0.1]), np.zeros(3, np.int8), np.zeros(3), (), 1.0, 100, seed=1)[0]
    assert found["precision"] is None
    assert found["recall"] == {"value": 0, "low": 0, "high": 0}


def test_an_empty_slice_is_told():
    label = np.array([1, 0], dtype=np.int8)
    empty = slices(label, label * 0.5, label, np.array([5.0, 5]), (1,), 1.0, 100, seed=1)[0]
    assert empty == {"from": None, "to": 1, "rows": 0, "frauds": 0, "few": True, **dict.fromkeys(METRICS)}
