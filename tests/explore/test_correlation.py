import numpy as np
import pytest

from fraud import schema
from fraud.explore.correlation import correlation_matrix, correlations, strongest_correlations, with_label
from fraud.explore.view import View


def test_unweighted_it_is_pearsons_correlation_as_pandas_has_it(view, transactions):
    np.testing.assert_allclose(correlations(view), transactions[list(schema.COLUMNS)].corr(), atol=1e-12)


def test_a_weight_counts_like_so_many_copies_of_a_row(transactions):
    tripled = transactions.loc[np.repeat(transactions.index, np.where(transactions["Class"] == 1, 1, 3))]
    view = View(transactions, prevalence=100 / (100 + 3 * 4_900))
    assert view.weight == pytest.approx(3)
    np.testing.assert_allclose(correlations(view), tripled[list(schema.COLUMNS)].corr(), atol=1e-9)


def test_a_constant_column_correlates_with_nothing(transactions):
    matrix = correlations(View(transactions.assign(V9=2.0)))
    place = schema.COLUMNS.index("V9")
    assert np.isfinite(matrix).all()
    assert not matrix[place].any()


def test_correlations_with_the_label_come_strongest_first(view):
    r = with_label(correlations(view))
    assert list(r)[:2] == ["V14", "V4"]
    assert set(r) == set(schema.FEATURES)
    assert r["V14"] < 0 < r["V4"]


def test_columns_beyond_the_claimed_limit_are_named(view):
    chart = strongest_correlations(view, correlations(view))
    assert chart.title.startswith("One column exceeds the claimed correlation of 0.15 with Class: V14 reaches -0.6")
    assert "Beyond ±0.15: V14." in chart.finding


def test_where_none_is_beyond_it_the_title_says_so(transactions):
    shuffled = View(transactions.assign(Class=np.random.default_rng(0).permutation(transactions["Class"])))
    chart = strongest_correlations(shuffled, correlations(shuffled))
    assert chart.title.startswith("No column exceeds the claimed correlation of 0.15")


def test_the_matrix_names_its_strongest_pair(view):
    matrix = correlations(view)
    chart = correlation_matrix(view, matrix)
    assert chart.title.startswith("V14 and Class correlate most (-0.6")
    assert np.shape(chart.numbers["r"]) == (31, 31)
    np.testing.assert_allclose(chart.numbers["r"], matrix, atol=1e-6)
