import math

import numpy as np
import pytest
from scipy import stats

from fraud.metrics.drift import drift


def plain(train, test):
    return drift(train, test, np.ones(len(train)), np.ones(len(test)))


def test_the_index_done_by_hand():
    """Ten bins of one training row each; of five rows that are judged three lie in the first and two in the last."""
    found = plain(np.arange(10.0), np.array([-1.0, 0, 0, 8.5, 9]))
    expected = (0.6 - 0.1) * math.log(0.6 / 0.1) + (0.4 - 0.1) * math.log(0.4 / 0.1)
    expected += 8 * (1e-4 - 0.1) * math.log(1e-4 / 0.1)
    assert found["population_stability_index"] == pytest.approx(expected)
    assert found["kolmogorov_smirnov"] == pytest.approx(0.5)


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_statistic_is_scipys(decimals):
    rng = np.random.default_rng(3)
    train, test = rng.normal(size=700).round(decimals), rng.normal(0.3, 1.2, 500).round(decimals)
    assert plain(train, test)["kolmogorov_smirnov"] == pytest.approx(stats.ks_2samp(train, test).statistic)


def test_a_weight_is_as_many_rows():
    rng = np.random.default_rng(4)
    train, test = rng.normal(size=400), rng.normal(0.2, 1, 300)
    times = [rng.integers(1, 5, len(values)) for values in (train, test)]
    repeated = plain(np.repeat(train, times[0]), np.repeat(test, times[1]))
    assert drift(train, test, *(each.astype(float) for each in times)) == pytest.approx(repeated)


def test_the_same_rows_have_not_drifted():
    values = np.random.default_rng(5).normal(size=300)
    assert plain(values, values) == {"population_stability_index": 0, "kolmogorov_smirnov": 0}


def test_apart_is_as_far_as_it_goes():
    assert plain(np.arange(100.0), np.arange(100.0) + 1000)["kolmogorov_smirnov"] == 1
    assert plain(np.arange(100.0), np.arange(100.0) + 1000)["population_stability_index"] > 5


def test_a_column_of_one_value_can_drift_and_can_stay():
    assert plain(np.ones(50), np.ones(20)) == {"population_stability_index": 0, "kolmogorov_smirnov": 0}
    away = plain(np.ones(50), np.full(20, 2.0))
    assert away["population_stability_index"] == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))
    assert away["kolmogorov_smirnov"] == 1
