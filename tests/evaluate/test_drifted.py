from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fraud import schema
from fraud.evaluate import drifted as module
from fraud.evaluate.drifted import drifted


@pytest.fixture
def judged(judged_rows):
    return judged_rows()


def test_each_feature_and_the_score_are_told(judged):
    found = drifted(judged, 1.0)
    assert list(found["features"]) == list(schema.FEATURES)
    expected = stats.ks_2samp(judged.train["V3"], judged.frame["V3"]).statistic
    assert found["features"]["V3"]["kolmogorov_smirnov"] == pytest.approx(expected)
    before = judged.scorers["model"].probability(judged.train[list(schema.FEATURES)].to_numpy())
    expected = stats.ks_2samp(before, judged.scores["model"].probability).statistic
    assert found["score"]["kolmogorov_smirnov"] == pytest.approx(expected)


def test_of_many_training_rows_a_part_stands_for_all(judged, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 700)
    found = drifted(judged, 1.0)
    assert found["rows"] == {"train": 500, "test": 1_500}
    expected = stats.ks_2samp(judged.train["V3"].iloc[::3], judged.frame["V3"]).statistic
    assert found["features"]["V3"]["kolmogorov_smirnov"] == pytest.approx(expected)


def test_a_shifted_column_is_found_and_no_other(judged):
    shifted = replace(judged, frame=judged.frame.assign(V9=judged.frame["V9"] + 1))
    index = {name: each["population_stability_index"] for name, each in drifted(shifted, 1.0)["features"].items()}
    assert index["V9"] > 0.5
    assert max(value for name, value in index.items() if name != "V9") < 0.1


def test_whole_days_are_no_drift(judged):
    """A model sees the time of day, so that a later day at the same hours is nothing new to it."""
    later = replace(judged, frame=judged.frame.assign(Time=judged.frame["Time"] + 7 * 86_400))
    assert drifted(later, 1.0)["features"]["Time"] == drifted(judged, 1.0)["features"]["Time"]


def test_rows_count_by_their_weight(judged):
    """A file of other shares of fraud has drifted in what frauds differ in, but for the weight that makes up for it."""
    fewer = judged.train[(judged.train["Class"] == 0) | (np.arange(len(judged.train)) % 4 == 0)]
    other = replace(judged, train=fewer)
    with_frauds, without = (drifted(other, weight)["features"]["V14"]["kolmogorov_smirnov"] for weight in (1.0, 1e6))
    assert with_frauds != without
    expected = stats.ks_2samp(*(rows.loc[rows["Class"] == 0, "V14"] for rows in (other.train, other.frame))).statistic
    assert without == pytest.approx(expected, abs=1e-4)
