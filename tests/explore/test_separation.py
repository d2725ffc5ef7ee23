import numpy as np
import pytest
from scipy.stats import gaussian_kde, norm

from fraud import schema
from fraud.explore.separation import _density, class_densities, distances


def test_the_distance_is_the_largest_difference_of_cumulative_distributions(view):
    ks = distances(view)
    legitimate, fraud = view.of("V4", fraud=False), view.of("V4", fraud=True)
    at = np.concatenate([legitimate, fraud])
    cumulative = [np.searchsorted(np.sort(values), at, "right") / len(values) for values in (legitimate, fraud)]
    assert ks["V4"] == pytest.approx(np.abs(cumulative[0] - cumulative[1]).max())


def test_features_come_with_the_most_separating_first(view):
    ks = distances(view)
    assert set(ks) == set(schema.FEATURES)
    assert next(iter(ks)) == "V14"
    assert list(ks.values()) == sorted(ks.values(), reverse=True)
    assert ks["V14"] > 0.98


def test_shares_of_the_classes_do_not_enter(view, weighted):
    assert distances(view) == distances(weighted)


def test_ten_features_are_shown_with_densities_of_area_one(view):
    ks = distances(view)
    chart = class_densities(view, ks)
    assert chart.title.startswith("V14 tells the classes apart best (KS distance ")
    assert list(chart.numbers["densities"]) == list(ks)[:10]
    for curves in chart.numbers["densities"].values():
        for name in ("legitimate", "fraud"):
            # What lies beyond the central 99% of both is missing, and what the kernel spills over the ends of `Time`.
            assert 0.8 < np.trapezoid(curves[name], curves["at"]) <= 1.01


def test_binning_changes_the_density_by_next_to_nothing():
    values = np.random.default_rng(0).normal(2, 3, 20_000)
    at = np.linspace(-6, 10, 100)
    spread = min(values.std(), np.subtract(*np.quantile(values, (0.75, 0.25))) / 1.34)
    exact = gaussian_kde(values, 1.06 * spread * len(values) ** -0.2 / values.std(ddof=1))(at)
    np.testing.assert_allclose(_density(values, at), exact, atol=0.02 * exact.max())
    np.testing.assert_allclose(_density(values, at), norm.pdf(at, 2, 3), atol=0.05 * exact.max())


def test_a_far_outlier_does_not_flatten_the_curve():
    values = np.append(np.random.default_rng(0).normal(size=5_000), 1e6)
    at = np.linspace(-3, 3, 100)
    assert _density(values, at).max() == pytest.approx(norm.pdf(0), rel=0.1)
