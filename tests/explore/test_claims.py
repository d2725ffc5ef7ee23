import numpy as np
import pytest

from fraud.explore.claims import claims
from fraud.explore.correlation import correlations
from fraud.explore.view import View


def measured(view):
    return claims(view, correlations(view))


def test_a_correlation_beyond_the_limit_refutes_the_blog_post(view):
    claim = measured(view)[0]
    assert claim["source"] == "the blog post"
    assert not claim["holds"]
    assert claim["measured"].startswith("V14 reaches r = -0.")
    assert claim["value"] > 0.15


def test_a_weak_correlation_bears_it_out(transactions):
    shuffled = transactions.assign(Class=np.random.default_rng(0).permutation(transactions["Class"]))
    claim = measured(View(shuffled))[0]
    assert claim["holds"]
    assert claim["value"] < 0.15


@pytest.mark.parametrize("holes", [0, 3])
def test_missing_values_are_counted(transactions, holes):
    holed = transactions.copy()
    holed.loc[: holes - 1, "V6"] = np.nan
    claim = claims(View(holed), correlations(View(transactions)))[1]
    assert (claim["value"], claim["holds"]) == (holes, holes == 0)


def test_correlated_components_refute_that_they_are_not(transactions):
    noise = np.random.default_rng(1).normal(size=(len(transactions), 28))
    whitened = np.linalg.qr(noise - noise.mean(axis=0)).Q
    frame = transactions.assign(**{f"V{i + 1}": whitened[:, i] for i in range(28)})
    assert measured(View(frame))[2]["holds"]
    bent = measured(View(frame.assign(V5=frame["V5"] + frame["V6"])))[2]
    assert not bent["holds"]
    assert bent["value"] == pytest.approx(np.sqrt(0.5), abs=1e-6)


def test_a_constant_component_correlates_with_none(view):
    [*_, claim] = measured(View(view.frame.assign(V5=0.0)))
    [*_, without] = claims(view, correlations(view))
    assert claim["value"] <= without["value"] < 1
