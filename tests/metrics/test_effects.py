import numpy as np
import pytest

from fraud.metrics.effects import magnitude, shape


def test_a_magnitude_is_a_weighted_mean_of_absolutes():
    contribution = np.array([[1.0, -4.0], [-3.0, 0.0]])
    assert magnitude(contribution, np.array([1.0, 3.0])).tolist() == [2.5, 1.0]


def test_a_shape_done_by_hand():
    """Forty rows in twenty bins of two; the second row of each counts three times the first."""
    value = np.arange(40.0)
    found = shape(value, -value, np.tile([1.0, 3.0], 20))
    assert found["rows"] == [2] * 20
    assert found["value"] == pytest.approx(np.arange(0.75, 40, 2))
    assert found["contribution"] == pytest.approx(-np.arange(0.75, 40, 2))


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(1)
    value, contribution, weight = rng.normal(size=(3, 500))
    weight = np.abs(weight)
    order = rng.permutation(500)
    ours, other = shape(value, contribution, weight), shape(value[order], contribution[order], weight[order])
    assert ours["rows"] == other["rows"] == [25] * 20
    assert ours["contribution"] == pytest.approx(other["contribution"])


def test_values_that_tie_share_a_bin():
    found = shape(np.repeat([1.0, 2.0], 50), np.repeat([0.5, -0.5], 50), np.ones(100))
    assert found == {"value": [1, 2], "contribution": [0.5, -0.5], "rows": [50, 50]}


def test_one_value_is_one_bin():
    assert shape(np.ones(3), np.arange(3.0), np.ones(3)) == {"value": [1], "contribution": [1], "rows": [3]}
