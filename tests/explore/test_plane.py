import numpy as np
import pytest

from fraud import schema
from fraud.explore.plane import classes_in_a_plane
from fraud.explore.view import View


def moved(transactions, by):
    frame = transactions.copy()
    rng = np.random.default_rng(4)
    fraud = (frame["Class"] == 1).to_numpy()
    for name in schema.FEATURES:
        frame[name] = rng.normal(size=len(frame)) + by * fraud
    return View(frame)


def test_frauds_like_all_others_lie_inside_the_ellipse(transactions):
    chart = classes_in_a_plane(moved(transactions, 0), 42)
    # Not quite 99%: the components lean towards what happens to spread these few frauds.
    assert chart.numbers["frauds_inside"] > 0.85


def test_frauds_far_from_all_others_lie_outside(transactions):
    chart = classes_in_a_plane(moved(transactions, 5), 42)
    assert chart.numbers["frauds_inside"] == 0
    assert chart.title == "0% of the frauds lie where 99% of the legitimate transactions are"


def test_the_ellipse_holds_the_share_that_it_claims(view):
    numbers = classes_in_a_plane(view, 42).numbers
    values = view.frame[list(schema.FEATURES)].to_numpy()
    weights = np.where(view.fraud, 0.5 / view.frauds, 0.5 / view.legitimate)
    mean = np.average(values, axis=0, weights=weights)
    deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    loadings = np.array([numbers["loadings"][name] for name in schema.FEATURES])
    scores = ((values - mean) / deviation) @ loadings
    apart = scores - numbers["ellipse"]["centre"]
    distance = np.einsum("ij,jk,ik->i", apart, np.linalg.inv(numbers["ellipse"]["covariance"]), apart)
    inside = distance <= numbers["ellipse"]["radius"] ** 2
    assert inside[~view.fraud].mean() == pytest.approx(0.99, abs=0.001)
    assert inside[view.fraud].mean() == pytest.approx(numbers["frauds_inside"], abs=0.01)


def test_components_are_orthonormal_and_explain_no_more_than_all(view):
    numbers = classes_in_a_plane(view, 42).numbers
    loadings = np.array(list(numbers["loadings"].values()))
    np.testing.assert_allclose(loadings.T @ loadings, np.eye(2), atol=1e-5)
    first, second = numbers["explained_variance"]
    assert 1 > first >= second > 0


def test_only_the_sample_that_is_drawn_depends_on_the_seed(view):
    one, other = (dict(classes_in_a_plane(view, seed).numbers) for seed in (1, 2))
    assert (one.pop("seed"), other.pop("seed")) == (1, 2)
    assert one == other
