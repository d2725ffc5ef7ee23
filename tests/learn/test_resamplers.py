"""What each resampler leaves of rows that a fit sees."""

import numpy as np
import pytest

from fraud import schema
from fraud.learn.candidates import registry
from fraud.learn.resamplers import resampler
from fraud.learn.selection import inputs

RNG = np.random.default_rng(4)
X = RNG.normal(size=(1_200, 5)).astype(np.float32)
Y = (np.arange(1_200) < 60).astype(np.int8)
X[:60, :2] += 2


def counts(name, legitimate_a_fraud=5.0):
    rows, label = resampler(name, legitimate_a_fraud, 3).fit_resample(X, Y)
    return rows, label, *np.bincount(label)


def test_under_sampling_keeps_every_fraud_and_so_many_legitimate_rows_of_each():
    rows, _, legitimate, frauds = counts("under")
    assert (legitimate, frauds) == (300, 60)
    known = {row.tobytes() for row in X}
    assert all(row.tobytes() in known for row in rows)


def test_nothing_is_left_out_where_there_are_fewer():
    assert counts("under", 50)[2:] == (1_140, 60)


@pytest.mark.parametrize("name", ["over", "smote", "borderline-smote"])
def test_over_sampling_keeps_every_row_and_adds_frauds(name):
    rows, _, legitimate, frauds = counts(name)
    assert (legitimate, frauds) == (1_140, 228)
    assert np.array_equal(rows[:1_200], X)
    copies = {row.tobytes() for row in rows[1_200:]} <= {row.tobytes() for row in X[:60]}
    assert copies == (name == "over")


def test_adasyn_comes_near():
    *_, legitimate, frauds = counts("adasyn")
    assert legitimate == 1_140
    assert frauds == pytest.approx(228, rel=0.15)


@pytest.mark.parametrize("name", ["smote-enn", "smote-tomek", "tomek"])
def test_cleaning_removes_rows(name):
    *_, legitimate, frauds = counts(name)
    before = 1_140 + (60 if name == "tomek" else 228)
    assert legitimate + frauds < before
    assert frauds > 0


def test_a_seed_gives_one_result():
    assert np.array_equal(counts("smote")[0], counts("smote")[0])
    other = resampler("smote", 5.0, 4).fit_resample(X, Y)[0]
    assert not np.array_equal(counts("smote")[0], other)


NEIGHBOURS = [c for c in registry().values() if c.resample and c.resample not in ("under", "over")]


@pytest.mark.parametrize("candidate", NEIGHBOURS, ids=lambda candidate: candidate.name)
def test_neighbours_are_found_on_one_scale(candidate, draw):
    """Amounts in cents have the neighbours that amounts in euros have."""
    rows = draw(700, 80, 6)
    cents = rows.assign(**{schema.AMOUNT.name: 100 * rows[schema.AMOUNT.name]})
    left = []
    for frame in (rows, cents):
        prepared, label = inputs(frame, candidate)
        pipeline = candidate.build(1)
        scaled = pipeline["scale"].fit_transform(prepared)
        steps = list(pipeline.named_steps)
        assert steps.index("scale") < steps.index("resample")
        left.append(pipeline["resample"].fit_resample(scaled, label))
    assert np.allclose(left[0][0], left[1][0], atol=1e-3)
    assert np.array_equal(left[0][1], left[1][1])
